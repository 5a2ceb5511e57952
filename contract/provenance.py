"""Version, git revision and base image digest that build.sh recorded inside the image."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from contract import __version__
from contract.files import read_json

# Next to the packages; written when the image is built, missing in a clone of the repository.
RECORD = Path(__file__).parents[1] / "image.json"


def provenance(record: Path = RECORD) -> dict[str, Any]:
    """Fields of the file `record`: image, version, revision, base, base_digest; only version if it does not exist.

    Raises:
        UserError: the record is damaged.
    """
    return dict(read_json(record, "record of the build")) if record.exists() else {"version": __version__}
