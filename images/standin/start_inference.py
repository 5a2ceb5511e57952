"""The shape of the inference container's own entry: `serve` starts the toolkit's server."""

import subprocess
import sys

from sagemaker_inference import model_server


def main() -> None:
    if sys.argv[1:] == ["serve"]:
        model_server.start_model_server()
    else:
        sys.exit(subprocess.call(sys.argv[1:]))


if __name__ == "__main__":
    main()
