"""SplitWriter: writes a split for datasets.load_from_disk: Arrow files, state.json, dataset_info.json.

The format is that of Dataset.save_to_disk in datasets 4: Arrow IPC streams, dataset_info.json and
state.json. It is written with pyarrow alone, since importing datasets takes longer than many jobs.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa
import xxhash

from contract.failures import UserError
from contract.files import write_json
from processing.arrays import list_values, to_numpy

STATE_FILE = "state.json"
INFO_FILE = "dataset_info.json"
SHARD_BYTES = 256 * 1024 * 1024
LABELS = "labels"
MASK, TYPES = "attention_mask", "token_type_ids"
TOKEN_FIELDS = (
    pa.field("input_ids", pa.list_(pa.int32())),
    pa.field(TYPES, pa.list_(pa.int8())),
    pa.field(MASK, pa.list_(pa.int8())),
    pa.field(LABELS, pa.int64()),
    pa.field("length", pa.int32()),
)
# Names of Arrow types that datasets names differently.
DTYPES = {"double": "float64", "float": "float32", "halffloat": "float16", "date32[day]": "date32"}


class SplitWriter:
    """Writes record batches of one split into shards of about `shard_bytes` bytes.

    The folder is not a dataset before `finish`, which writes dataset_info.json and state.json.
    """

    def __init__(self, folder: Path, schema: pa.Schema, shard_bytes: int = SHARD_BYTES) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.rows = 0
        self._folder, self._schema, self._shard_bytes = folder, schema, shard_bytes
        self._shards: list[Path] = []
        # datasets computes its fingerprints by the same hash.
        self._digest = xxhash.xxh3_64()
        self._open_shard()

    def _open_shard(self) -> None:
        self._shards.append(self._folder / f"shard-{len(self._shards):05d}")
        self._file = pa.OSFile(str(self._shards[-1]), "wb")
        self._stream = pa.ipc.new_stream(self._file, self._schema)

    def _close_shard(self) -> None:
        self._stream.close()
        self._file.close()

    def write(self, batch: pa.RecordBatch) -> None:
        """Append a batch; starts the next shard if the current one is large enough."""
        if self._file.tell() >= self._shard_bytes:
            self._close_shard()
            self._open_shard()
        self._stream.write_batch(batch)
        self._digest.update(to_numpy(list_values(cast(pa.ListArray, batch.column(0))), np.int32).data)
        self.rows += batch.num_rows

    def finish(self, split: str, label_names: tuple[str, ...]) -> None:
        """Close the last shard, rename the shards by their number, and write dataset_info.json and state.json."""
        self._close_shard()
        names = [f"data-{index:05d}-of-{len(self._shards):05d}.arrow" for index in range(len(self._shards))]
        for shard, name in zip(self._shards, names, strict=True):
            shard.rename(self._folder / name)
        write_json(self._folder / INFO_FILE, {"features": features(self._schema, label_names)})
        write_json(self._folder / STATE_FILE, self._state(split, names))

    def _state(self, split: str, names: list[str]) -> dict[str, Any]:
        self._digest.update(json.dumps([split, self.rows]).encode())
        return {
            "_data_files": [{"filename": name} for name in names],
            "_fingerprint": self._digest.hexdigest(),
            "_format_columns": None,
            "_format_kwargs": {},
            "_format_type": None,
            "_output_all_columns": False,
            "_split": split,
        }

    def close(self) -> None:
        """Close the open shard, finished or not."""
        self._file.close()


def can_be_kept(kind: pa.DataType) -> bool:
    """Whether an Arrow type is that of single values, or of lists of them, that the datasets library reads."""
    if pa.types.is_list(kind):
        return can_be_kept(kind.value_type)
    return not (pa.types.is_nested(kind) or pa.types.is_interval(kind) or isinstance(kind, pa.BaseExtensionType))


def schema(
    kept: list[pa.Field],
    is_labelled: bool = True,
    is_padded: bool = False,
    label_type: pa.DataType | None = None,
    has_types: bool = False,
) -> pa.Schema:
    """The schema of a prepared split: the job's own columns and the columns to keep.

    Args:
        has_types: whether rows get token_type_ids.

    Raises:
        UserError: a column to keep has a type that dataset_info.json cannot describe.
    """
    for field in kept:
        if not can_be_kept(field.type):
            raise UserError(f"option --columns names {field.name}, which is {field.type}; expected a scalar or a list")
    present = {LABELS: is_labelled, MASK: is_padded, TYPES: has_types}
    own: list[pa.Field] = [field for field in TOKEN_FIELDS if present.get(field.name, True)]
    if label_type is not None:
        own = [field.with_type(label_type) if field.name == LABELS else field for field in own]
    return pa.schema([*own, *kept])


def features(schema: pa.Schema, label_names: tuple[str, ...] | None) -> dict[str, Any]:
    """The features of dataset_info.json for `schema`; labels are plain integers if `label_names` is None."""
    described: dict[str, Any] = {field.name: feature(field.type) for field in schema}
    if LABELS in described and label_names is not None and pa.types.is_integer(schema.field(LABELS).type):
        described[LABELS] = {"names": list(label_names), "_type": "ClassLabel"}
    return described


def feature(kind: pa.DataType) -> dict[str, Any]:
    """The feature of dataset_info.json for one Arrow type."""
    if pa.types.is_list(kind):
        # datasets 2 to 4 read Sequence; List exists only since 4.
        return {"feature": feature(kind.value_type), "_type": "Sequence"}
    return {"dtype": DTYPES.get(str(kind), str(kind)), "_type": "Value"}
