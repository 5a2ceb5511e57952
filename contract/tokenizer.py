"""Finding and reading tokenizer.json and tokenizer_config.json, and the fingerprint that the card records."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from contract.failures import UserError
from contract.files import read_json

TOKENIZER_FILE = "tokenizer.json"
CONFIG_FILE = "tokenizer_config.json"
SIDES = ("right", "left")

# How long a row may be is a job's decision, and tools rewrite these two on saving.
NOT_FINGERPRINTED = ("truncation", "padding")


def locate(name: str, revision: str | None = None) -> Path:
    """Path of the tokenizer.json of `name`: a file, a model's folder, or a name on the hub.

    The hub is asked only where the environment does not say HF_HUB_OFFLINE=1; its cache is
    read in any case.

    Raises:
        UserError: there is none.
    """
    path = Path(name)
    if path.is_file():
        return path
    if path.is_dir():
        if (path / TOKENIZER_FILE).is_file():
            return path / TOKENIZER_FILE
        raise UserError(f"tokenizer {name}: the folder holds no {TOKENIZER_FILE}; expected a fast tokenizer")
    if name.startswith((".", "/", "~")):
        raise UserError(f"tokenizer {name}: no such file or folder")
    return _download(name, revision)


def _download(name: str, revision: str | None) -> Path:
    # Imported late: it costs half a second that jobs on local files need not pay.
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        path = hf_hub_download(name, TOKENIZER_FILE, revision=revision)
        with suppress(EntryNotFoundError):
            # Beside it, as in a folder; not every model has one.
            hf_hub_download(name, CONFIG_FILE, revision=revision)
        return Path(path)
    except (LocalEntryNotFoundError, HfHubHTTPError, HFValidationError, OSError) as error:
        raise UserError(
            f"tokenizer {name}: no such folder here, and the hub gave none ({type(error).__name__}); "
            "expected a folder with tokenizer.json, or a model's name with HF_HUB_OFFLINE=0"
        ) from None


def truncation_side(path: Path, carried: Mapping[str, Any] | None) -> str:
    """Where a text that is too long loses tokens, right or left, as transformers reads it.

    From tokenizer_config.json beside the tokenizer.json at `path`, else from the truncation that the
    file itself carries, else right.

    Args:
        carried: that truncation, as tokenizers.Tokenizer.truncation of the loaded file; None for none.

    Raises:
        UserError: it is neither.
    """
    side = str(config(path).get("truncation_side") or (carried or {}).get("direction") or SIDES[0]).lower()
    if side not in SIDES:
        raise UserError(f"tokenizer {path} has truncation_side {side!r}, expected right or left")
    return side


def config(path: Path) -> dict[str, Any]:
    """The content of tokenizer_config.json beside the tokenizer.json at `path`; empty where there is none."""
    beside = path.parent / CONFIG_FILE
    return read_json(beside, "tokenizer's settings") if beside.is_file() else {}


def fingerprint(path: Path) -> str:
    """Hexadecimal SHA-256 of tokenizer.json's content without truncation and padding.

    Over canonical JSON (sorted keys, no spaces), so that saving the same tokenizer again with
    other white space or another max_length keeps the fingerprint.

    Raises:
        UserError: the file is not JSON or has no model.
    """
    content = read(path)
    kept = {key: value for key, value in content.items() if key not in NOT_FINGERPRINTED}
    canonical = json.dumps(kept, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()


def read(path: Path) -> dict[str, Any]:
    """The parsed tokenizer.json at `path`.

    Raises:
        UserError: it cannot be read, is not JSON, or has no model.
    """
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise UserError(f"tokenizer {path} cannot be read: {error}") from None
    if not isinstance(content, dict) or "model" not in content:
        raise UserError(f"tokenizer {path} has no model; expected a Hugging Face {TOKENIZER_FILE}")
    return content
