"""Spot instances, warm pools, serverless and asynchronous endpoints with SDK v2. Not available in local mode."""

from __future__ import annotations

from typing import Any

from sagemaker.async_inference import AsyncInferenceConfig
from sagemaker.model import Model
from sagemaker.serverless import ServerlessInferenceConfig

from examples.account import inference_ami

DAY = 24 * 3600


def spot(checkpoints: str) -> dict[str, Any]:
    """Arguments of Estimator for managed spot training; after an interruption the job resumes from its checkpoints.

    Args:
        checkpoints: S3 prefix for the checkpoints of this job. With the prefix of another job, the job would
            resume from that job's checkpoints.
    """
    return {"use_spot_instances": True, "max_run": DAY, "max_wait": 2 * DAY, "checkpoint_s3_uri": checkpoints}


def warm_pool(seconds: int = 600) -> dict[str, Any]:
    """Arguments of Estimator for a warm pool: instances are kept for the next job. Not together with spot."""
    return {"keep_alive_period_in_seconds": seconds}


def deploy_serverless(model: Model, **arguments: Any) -> Any:
    """Deploy a serverless endpoint, on CPUs. The model must have neither VPC nor network isolation.

    Its image must be inference-cpu: serverless takes at most 10,737,418,240 bytes, and those with CUDA have more.
    """
    config = ServerlessInferenceConfig(memory_size_in_mb=4096, max_concurrency=8)
    return model.deploy(serverless_inference_config=config, **arguments)


def deploy_asynchronous(model: Model, output: str, instance_type: str = "ml.g5.xlarge", **arguments: Any) -> Any:
    """Deploy an asynchronous endpoint; responses and failures go below the S3 prefix `output`."""
    config = AsyncInferenceConfig(
        output_path=f"{output}/answers",
        failure_path=f"{output}/failures",
        max_concurrent_invocations_per_instance=8,
    )
    return model.deploy(
        initial_instance_count=1,
        instance_type=instance_type,
        inference_ami_version=inference_ami(instance_type),
        async_inference_config=config,
        **arguments,
    )
