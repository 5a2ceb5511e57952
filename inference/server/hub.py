"""Downloads the model HF_MODEL_ID from the Hugging Face Hub, if HF_HUB_OFFLINE=0 allows it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

from contract.failures import UserError, first_line

# Files to download. No code: a team's inference.py runs only from model data, which the team packed itself.
PATTERNS = ("*.json", "*.txt", "*.model", "*.safetensors")
PICKLES = ("*.bin",)

log = logging.getLogger(__name__)


def download(name: str, revision: str | None, pickles: bool, folder: Path, environ: Mapping[str, str]) -> Path:
    """Download the model `name`, into the hub's cache if HF_HOME is set, else below `folder`; returns its folder.

    Args:
        revision: branch, tag or commit; None means main.
        pickles: whether weights in PyTorch's own format (*.bin) are downloaded too.

    Raises:
        UserError: the model does not exist, the hub cannot be reached, or HF_HUB_OFFLINE is not 0.
    """
    # Imported late: it reads HF_HUB_OFFLINE when it is imported, which takes a second.
    import huggingface_hub

    cache = None if environ.get("HF_HOME") else folder
    log.info("HF_MODEL_ID: %s, revision %s", name, revision or "main")
    try:
        patterns = [*PATTERNS, *(PICKLES if pickles else ())]
        path = huggingface_hub.snapshot_download(name, revision=revision, cache_dir=cache, allow_patterns=patterns)
    except Exception as error:  # errors of huggingface_hub, of its HTTP client and of the file system
        if huggingface_hub.constants.HF_HUB_OFFLINE:
            raise UserError(
                f"HF_MODEL_ID is {name!r}, but the image works offline; expected the model as model data, "
                "or HF_HUB_OFFLINE=0 to let the server download from the hub"
            ) from None
        message = f"HF_MODEL_ID is {name!r}, which cannot be downloaded from the hub: {first_line(error)}"
        raise UserError(message) from None
    return Path(path)
