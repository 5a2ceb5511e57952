"""Downloads HF_MODEL_ID from the Hugging Face hub, where HF_HUB_OFFLINE=0 allows it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

from contract.failures import UserError, first_line

# No code: a model folder's own functions come with model data, which somebody of the team has packed.
PATTERNS = ("*.json", "*.txt", "*.model", "*.safetensors")
PICKLES = ("*.bin",)

log = logging.getLogger(__name__)


def download(name: str, revision: str | None, pickles: bool, folder: Path, environ: Mapping[str, str]) -> Path:
    """The folder of the model `name`, in the hub's cache where HF_HOME names one, else below `folder`.

    Args:
        revision: branch, tag or commit; None means main.
        pickles: whether weights in PyTorch's own format are fetched too.

    Raises:
        UserError: there is no such model, or the network is off or down.
    """
    # Imported here: it reads HF_HUB_OFFLINE when it is imported, and costs a second.
    import huggingface_hub

    cache = None if environ.get("HF_HOME") else folder
    log.info("HF_MODEL_ID: %s, revision %s", name, revision or "main")
    try:
        patterns = [*PATTERNS, *(PICKLES if pickles else ())]
        found = huggingface_hub.snapshot_download(name, revision=revision, cache_dir=cache, allow_patterns=patterns)
    except Exception as error:  # the hub's own, its HTTP client's and the file system's
        if huggingface_hub.constants.HF_HUB_OFFLINE:
            raise UserError(
                f"HF_MODEL_ID is {name!r}, but the image works offline; expected the model as model data, "
                "or HF_HUB_OFFLINE=0 to let the server ask the hub"
            ) from None
        raise UserError(f"HF_MODEL_ID is {name!r}, which cannot be had from the hub: {first_line(error)}") from None
    return Path(found)
