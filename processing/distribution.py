"""Determines whether the input is sharded or replicated over the hosts, from processingjobconfig.json."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from contract.files import read_json
from contract.hosts import Hosts
from processing.options import ProcessingOptions

SHARDED = "ShardedByS3Key"


def is_sharded(options: ProcessingOptions, hosts: Hosts, job_config: Path, folder: Path) -> bool:
    """Whether each host has its own share of the files, rather than all of them.

    SageMaker writes the distribution type of an input only to processingjobconfig.json
    (ProcessingInputs[].S3Input, as in the CreateProcessingJob API).

    Args:
        job_config: path of processingjobconfig.json; the file may be missing.
        folder: the input that the job reads.
    """
    if hosts.count == 1 or options.input_distribution != "auto":
        return options.input_distribution == "sharded"
    if not job_config.exists():
        return False
    return distribution(read_json(job_config, "job configuration"), folder) == SHARDED


def distribution(config: Any, folder: Path) -> str | None:
    """S3DataDistributionType of the input whose LocalPath is `folder` or a parent of it; None if there is none."""
    inputs = config.get("ProcessingInputs") if isinstance(config, dict) else None
    for entry in inputs or []:
        s3 = entry.get("S3Input") or {}
        if s3.get("LocalPath") and folder.is_relative_to(s3["LocalPath"]):
            return s3.get("S3DataDistributionType")
    return None
