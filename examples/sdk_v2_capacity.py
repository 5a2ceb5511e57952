"""Where SDK v2 lets a job or a model run: spot, warm pools, serverless and asynchronous endpoints.

Local mode has none of these.
"""

from __future__ import annotations

from typing import Any

from sagemaker.async_inference import AsyncInferenceConfig
from sagemaker.model import Model
from sagemaker.serverless import ServerlessInferenceConfig

DAY = 24 * 3600


def spot(checkpoints: str) -> dict[str, Any]:
    """For Estimator: spare capacity, which can be taken away; the job goes on from `checkpoints`, an S3 prefix.

    A prefix of another job's checkpoints resumes that job, so give each job its own.
    """
    return {"use_spot_instances": True, "max_run": DAY, "max_wait": 2 * DAY, "checkpoint_s3_uri": checkpoints}


def warm_pool(seconds: int = 600) -> dict[str, Any]:
    """For Estimator: instances that wait for the next job of their kind. Not with spot."""
    return {"keep_alive_period_in_seconds": seconds}


def deploy_serverless(model: Model, **how: Any) -> Any:
    """An endpoint that costs nothing between requests, on CPUs. The model must have no VPC and no isolation."""
    config = ServerlessInferenceConfig(memory_size_in_mb=4096, max_concurrency=8)
    return model.deploy(serverless_inference_config=config, **how)


def deploy_asynchronous(model: Model, output: str, instance_type: str = "ml.g5.xlarge", **how: Any) -> Any:
    """An endpoint whose requests lie in S3 and queue; answers, and failures, come below `output`."""
    config = AsyncInferenceConfig(
        output_path=f"{output}/answers",
        failure_path=f"{output}/failures",
        max_concurrent_invocations_per_instance=8,
    )
    return model.deploy(initial_instance_count=1, instance_type=instance_type, async_inference_config=config, **how)
