"""ParquetSplitWriter: writes a split as shards of parquet, with metadata of the datasets library (--format parquet)."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from processing.writing.writer import SHARD_BYTES, features

# Readers load whole row groups; this size is large enough for columns to compress well.
ROW_GROUP_BYTES = 16 * 1024 * 1024


class ParquetSplitWriter:
    """Writes record batches of one split into parquet files of about `shard_bytes` bytes.

    Args:
        label_names: written into the files' metadata; if None, labels are plain integers there, and only
            card.json has their names.
    """

    def __init__(
        self, folder: Path, schema: pa.Schema, label_names: tuple[str, ...] | None, shard_bytes: int = SHARD_BYTES
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.rows = 0
        self._folder, self._shard_bytes = folder, shard_bytes
        described = {"info": {"features": features(schema, label_names)}}
        self._schema = schema.with_metadata({"huggingface": json.dumps(described)})
        self._shards: list[Path] = []
        self._waiting: list[pa.RecordBatch] = []
        self._open_shard()

    def _open_shard(self) -> None:
        self._shards.append(self._folder / f"shard-{len(self._shards):05d}")
        self._file = self._shards[-1].open("wb")
        self._stream = pq.ParquetWriter(self._file, self._schema, compression="zstd")

    def _close_shard(self) -> None:
        self._flush()
        self._stream.close()
        self._file.close()

    def _flush(self) -> None:
        if self._waiting:
            self._stream.write_table(pa.Table.from_batches(self._waiting))
            self._waiting = []

    def write(self, batch: pa.RecordBatch) -> None:
        """Append a batch; starts the next file if the current one is large enough."""
        if self._file.tell() >= self._shard_bytes:
            self._close_shard()
            self._open_shard()
        self._waiting.append(batch)
        self.rows += batch.num_rows
        if sum(waiting.nbytes for waiting in self._waiting) >= ROW_GROUP_BYTES:
            self._flush()

    def finish(self, split: str, label_names: tuple[str, ...]) -> None:  # noqa: ARG002 (as every writer's)
        """Close the last file, and rename the files after the split and their number."""
        self._close_shard()
        for index, shard in enumerate(self._shards):
            shard.rename(self._folder / f"{split}-{index:05d}-of-{len(self._shards):05d}.parquet")

    def close(self) -> None:
        """Close the open file, finished or not."""
        self._file.close()
