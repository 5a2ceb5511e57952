"""Runs the server of sagemaker-huggingface-inference-toolkit with its defaults, for benchmarks/inference.py.

It needs a separate virtual environment, since the toolkit (2.6.0) imports names that transformers 5 removed:

    python3 -m venv toolkit
    toolkit/bin/pip install torch==2.13.0 'transformers<5' 'setuptools<81' multi-model-server==1.1.11 \\
        sagemaker-inference==1.10.1 sagemaker-huggingface-inference-toolkit==2.6.0

Only the path of its properties file is changed, which would be /etc/sagemaker-mms.properties.
"""

from __future__ import annotations

from pathlib import Path

import sagemaker_huggingface_inference_toolkit.mms_model_server as toolkit
import sagemaker_inference.model_server as base
from sagemaker_huggingface_inference_toolkit import serving


def main() -> None:
    """Run the server."""
    base.MMS_CONFIG_FILE = toolkit.MMS_CONFIG_FILE = str(Path.cwd() / "mms.properties")
    serving.main()


if __name__ == "__main__":
    main()
