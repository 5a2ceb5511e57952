"""Environment variables that the next base's own entry point (hf_optimizations.sh) sets, which this image replaces."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

# The released generation of bases does not have it, and sets none of these.
SCRIPT = Path("/usr/local/bin/hf_optimizations.sh")
SWITCH = "HF_ENABLE_OPTIMIZATIONS"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class BaseDefault:
    """One variable of hf_optimizations.sh.

    Attributes:
        switch: the variable that switches it on (1) or off.
        is_on: whether it is on where the switch is not set.
        for_scripts_only: whether the image's own training does without it.
    """

    name: str
    value: str
    switch: str
    is_on: bool = True
    for_scripts_only: bool = False


# Source: scripts/docker/huggingface/pytorch/hf_optimizations.sh of the Deep Learning Containers, August 2026.
DEFAULTS = (
    # Less fragmentation of a GPU's memory where the lengths of batches vary.
    BaseDefault("PYTORCH_CUDA_ALLOC_CONF", "expandable_segments:True", "HF_ENABLE_EXPANDABLE_SEGMENTS"),
    # The image's own training downloads nothing.
    BaseDefault("HF_HUB_ENABLE_HF_TRANSFER", "1", "HF_ENABLE_HF_TRANSFER", for_scripts_only=True),
    # The image's own training tokenizes on all cores, before it starts workers.
    BaseDefault("TOKENIZERS_PARALLELISM", "false", "HF_ENABLE_TOKENIZERS_GUARD", for_scripts_only=True),
    # The image's own training divides the cores of the container among its ranks.
    BaseDefault("OMP_NUM_THREADS", "1", "HF_ENABLE_OMP_DEFAULT", for_scripts_only=True),
    BaseDefault("CUDA_DEVICE_MAX_CONNECTIONS", "1", "HF_ENABLE_CUDA_DEVICE_MAX_CONNECTIONS", is_on=False),
)


def base_defaults(environ: Mapping[str, str], runs_script: bool, script: Path = SCRIPT) -> dict[str, str]:
    """The variables that the base would set, but for those that the caller set; each is logged.

    Args:
        runs_script: whether the job runs a team's own script.
        script: the base's file; where it is missing, nothing is set.
    """
    if not script.is_file() or environ.get(SWITCH, "1") != "1":
        return {}
    wanted = [default for default in DEFAULTS if runs_script or not default.for_scripts_only]
    on = [default for default in wanted if environ.get(default.switch, str(int(default.is_on))) == "1"]
    found = {default.name: default.value for default in on if not environ.get(default.name)}
    for name, value in found.items():
        log.info("%s=%s, as the base container sets it", name, value)
    return found
