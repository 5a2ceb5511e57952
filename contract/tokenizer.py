"""Finds and reads tokenizer.json and tokenizer_config.json; computes the fingerprint that the card records."""

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

# Left out of the fingerprint: the maximum length depends on the job, and libraries rewrite these two on saving.
NOT_FINGERPRINTED = ("truncation", "padding")


def locate(name: str, revision: str | None = None) -> Path:
    """Path of the tokenizer.json of `name`: a file, a model folder, or a name on the Hugging Face Hub.

    The hub is accessed only if HF_HUB_OFFLINE is not 1; its local cache is used in any case.

    Raises:
        UserError: there is no such tokenizer, or it cannot be looked for.
    """
    path = Path(name)
    try:
        if path.is_file():
            return path
        if path.is_dir():
            if (path / TOKENIZER_FILE).is_file():
                return path / TOKENIZER_FILE
            raise UserError(f"tokenizer {name}: the folder has no {TOKENIZER_FILE}; expected a fast tokenizer")
    except OSError as error:
        # No permission, or too long a name.
        raise UserError(f"tokenizer {name}: {error.strerror}; expected a file, a folder or a model's name") from None
    if name.startswith((".", "/", "~")):
        raise UserError(f"tokenizer {name}: no such file or folder")
    return _download(name, revision)


def _download(name: str, revision: str | None) -> Path:
    # Imported late: it takes half a second, and jobs with local files do not need it.
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        path = hf_hub_download(name, TOKENIZER_FILE, revision=revision)
        with suppress(EntryNotFoundError):
            # Stored next to tokenizer.json; not every model has one.
            hf_hub_download(name, CONFIG_FILE, revision=revision)
        return Path(path)
    except (LocalEntryNotFoundError, HfHubHTTPError, HFValidationError, OSError) as error:
        raise UserError(
            f"tokenizer {name}: no such folder, and it cannot be downloaded from the hub ({type(error).__name__}); "
            "expected a folder with tokenizer.json, or a model's name with HF_HUB_OFFLINE=0"
        ) from None


def truncation_side(path: Path, truncation: Mapping[str, Any] | None) -> str:
    """The side on which texts that are too long are truncated, right or left, as transformers determines it.

    It is truncation_side of tokenizer_config.json, else the direction in tokenizer.json, else right.

    Args:
        path: the tokenizer.json.
        truncation: tokenizers.Tokenizer.truncation of the loaded tokenizer.json; None if it has none.

    Raises:
        UserError: the value is neither right nor left.
    """
    side = str(config(path).get("truncation_side") or (truncation or {}).get("direction") or SIDES[0]).lower()
    if side not in SIDES:
        raise UserError(f"tokenizer {path} has truncation_side {side!r}, expected right or left")
    return side


def config(path: Path) -> dict[str, Any]:
    """The content of tokenizer_config.json in the folder of the tokenizer.json `path`; empty if there is none."""
    file = path.parent / CONFIG_FILE
    return read_json(file, "tokenizer configuration") if file.is_file() else {}


def fingerprint(path: Path) -> str:
    """Hexadecimal SHA-256 of the content of tokenizer.json without truncation and padding.

    It is computed over canonical JSON (sorted keys, no spaces), so that it does not change if the same
    tokenizer is saved again with other white space or another max_length.

    Raises:
        UserError: the file is not JSON or has no model.
    """
    kept = {key: value for key, value in read(path).items() if key not in NOT_FINGERPRINTED}
    # Not json's sort_keys, which takes five times as long for a vocabulary: it compares keys and values.
    canonical = json.dumps(sorted_keys(kept), separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()


def sorted_keys(value: Any) -> Any:
    """The parsed JSON `value` with the keys of all its objects in sorted order."""
    if isinstance(value, dict):
        # A call for each id of a vocabulary would take a third of the time.
        return {
            key: sorted_keys(part) if isinstance(part, (dict, list)) else part
            for key, part in ((key, value[key]) for key in sorted(value))
        }
    return [sorted_keys(part) for part in value] if isinstance(value, list) else value


def read(path: Path) -> dict[str, Any]:
    """Parse the tokenizer.json `path`.

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
