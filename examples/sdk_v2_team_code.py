"""A team's own code in the processing and inference images with SDK v2: ScriptProcessor, and Model with source_dir.

examples/sdk_v2_script.py runs a team's own training script.
"""

from __future__ import annotations

from typing import Any

from sagemaker.model import Model
from sagemaker.processing import ProcessingInput, ProcessingOutput, ScriptProcessor

FOLDER = "/opt/ml/processing"


def process(
    image: str,
    role: str,
    script: str,
    data: str,
    output: str,
    arguments: list[str],
    instance_type: str = "ml.m5.4xlarge",
    session: Any = None,
) -> None:
    """Run the file `script` in the processing image, which has DuckDB and tokenizers.

    Args:
        data: S3 prefix that the script finds in /opt/ml/processing/input.
        output: S3 prefix for what it writes to /opt/ml/processing/output.
    """
    processor = ScriptProcessor(
        image_uri=image,
        role=role,
        command=["python"],
        instance_type=instance_type,
        instance_count=1,
        sagemaker_session=session,
    )
    processor.run(
        code=script,
        arguments=arguments,
        inputs=[ProcessingInput(input_name="data", source=data, destination=f"{FOLDER}/input")],
        outputs=[ProcessingOutput(output_name="output", source=f"{FOLDER}/output", destination=output)],
    )


def model_with_code(
    image: str,
    role: str,
    model_data: str,
    source: str,
    program: str = "inference.py",
    index: str | None = None,
    session: Any = None,
) -> Model:
    """A model with the code of the folder `source`: the SDK packs it into model.tar.gz, below code/.

    Args:
        program: file in `source` with model_fn, input_fn, predict_fn, output_fn or transform_fn.
        index: package index from which the server installs requirements.txt in `source` when it starts, such as
            https://aws:TOKEN@DOMAIN-ACCOUNT.d.codeartifact.REGION.amazonaws.com/pypi/NAME/simple/, whose token is valid
            for twelve hours; None installs nothing. The model can then have no network isolation.
    """
    installing = {"SAGEMAKER_ALLOW_REQUIREMENTS": "true", "PIP_INDEX_URL": index} if index else {}
    return Model(
        image_uri=image,
        model_data=model_data,
        role=role,
        entry_point=program,
        source_dir=source,
        env=installing,
        sagemaker_session=session,
    )
