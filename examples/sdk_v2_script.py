"""Runs a team's own script in the training image with the generic Estimator of SDK v2 (sagemaker 2.x).

    python -m examples.sdk_v2_script --image URI --role ARN --source src --program fine_tune.py \\
        --data s3://.../prepared/train --output s3://.../models

The script gets hyperparameters as arguments and the folders in SM_CHANNEL_TRAIN, SM_MODEL_DIR and SM_OUTPUT_DATA_DIR.
"""

from __future__ import annotations

import argparse
from typing import Any

from sagemaker.estimator import Estimator
from sagemaker.local import LocalSession

from examples.uris import uri

# The hyperparameter that distribution={"torch_distributed": {"enabled": True}} of the SDK's framework classes sets.
TORCHRUN = {"sagemaker_torch_distributed_enabled": True}


def run(
    image: str,
    role: str,
    source: str,
    program: str,
    data: str,
    output: str,
    hyperparameters: dict[str, Any] | None = None,
    processes: int | None = None,
    instance_type: str = "ml.g5.xlarge",
    instance_count: int = 1,
    session: Any = None,
    **arguments: Any,
) -> str:
    """Run a training job with the script `program` in the folder `source`; returns the S3 URI of model.tar.gz.

    Args:
        data: S3 prefix of the channel `train`.
        processes: number of processes that torchrun starts on each instance; None runs the script without torchrun.
        arguments: further arguments of Estimator.
    """
    ranks = {} if processes is None else {**TORCHRUN, "sagemaker_mpi_num_of_processes_per_host": processes}
    estimator = Estimator(
        image_uri=image,
        role=role,
        entry_point=program,
        source_dir=source,
        hyperparameters={**(hyperparameters or {}), **ranks},
        instance_type=instance_type,
        instance_count=instance_count,
        output_path=output,
        sagemaker_session=session,
        **arguments,
    )
    estimator.fit({"train": data})
    return str(estimator.model_data)


def main() -> None:
    """Run the training job of the command line."""
    parser = argparse.ArgumentParser(prog="python -m examples.sdk_v2_script")
    for option in ("image", "role", "source", "program", "data", "output"):
        parser.add_argument(f"--{option}", required=True)
    parser.add_argument("--processes", type=int)
    parser.add_argument("--instance-type", default="local")
    options = vars(parser.parse_args())
    options["image"] = uri(options["image"], "training")
    options["session"] = LocalSession() if options["instance_type"] == "local" else None
    print(run(**options))


if __name__ == "__main__":
    main()
