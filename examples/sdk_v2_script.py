"""Run a team's own script in the training image with SDK v2's generic Estimator (sagemaker 2.x).

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

# What distribution={"torch_distributed": {"enabled": True}} of the SDK's framework classes comes to.
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
    **how: Any,
) -> str:
    """Run `program` of the folder `source`. Returns the S3 address of model.tar.gz.

    Args:
        data: S3 prefix of the channel `train`.
        processes: that torchrun starts on each instance; None starts the script alone on each.
        how: further arguments of Estimator.
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
        **how,
    )
    estimator.fit({"train": data})
    return str(estimator.model_data)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m examples.sdk_v2_script")
    for option in ("image", "role", "source", "program", "data", "output"):
        parser.add_argument(f"--{option}", required=True)
    parser.add_argument("--processes", type=int)
    parser.add_argument("--instance-type", default="local")
    given = vars(parser.parse_args())
    given["image"] = uri(given["image"], "training")
    given["session"] = LocalSession() if given["instance_type"] == "local" else None
    print(run(**given))


if __name__ == "__main__":
    main()
