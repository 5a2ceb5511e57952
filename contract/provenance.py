"""Version, git revision and base image digest, as build.sh recorded them inside the image."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from contract import __version__
from contract.files import read_json

# Beside the packages, written when the image is built; a clone has none.
RECORD = Path(__file__).parents[1] / "image.json"


def provenance(record: Path = RECORD) -> dict[str, Any]:
    """What `record` holds: image, version, revision, base, base_digest. The version alone where there is none.

    Raises:
        UserError: the record is damaged.
    """
    return dict(read_json(record, "record of the build")) if record.exists() else {"version": __version__}
