"""Whether the input is sharded or replicated over the hosts, from processingjobconfig.json."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from contract.files import read_json
from contract.hosts import Hosts
from processing.options import ProcessingOptions

SHARDED = "ShardedByS3Key"


def is_sharded(options: ProcessingOptions, hosts: Hosts, job_config: Path, place: Path) -> bool:
    """Whether every host has files of its own.

    The platform writes the distribution of each input to processingjobconfig.json alone
    (ProcessingInputs[].S3Input, as in the CreateProcessingJob API).

    Args:
        job_config: that file; it need not exist.
        place: the input that the job reads.
    """
    if hosts.count == 1 or options.input_distribution != "auto":
        return options.input_distribution == "sharded"
    if not job_config.exists():
        return False
    return distribution(read_json(job_config, "job configuration"), place) == SHARDED


def distribution(config: Any, place: Path) -> str | None:
    """S3DataDistributionType of the input whose LocalPath is `place` or holds it."""
    inputs = config.get("ProcessingInputs") if isinstance(config, dict) else None
    for entry in inputs or []:
        s3 = entry.get("S3Input") or {}
        if s3.get("LocalPath") and place.is_relative_to(s3["LocalPath"]):
            return s3.get("S3DataDistributionType")
    return None
