"""Stages the output folders train, validation, test and report, and publishes them when all are complete."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from contract.card import CARD_FILE, Card
from contract.failures import UserError
from contract.files import clear, staged
from contract.hosts import Hosts
from contract.paths import Paths
from processing.report.json_report import REPORT_FILE
from processing.rows.split import SPLITS
from processing.writing.writer import STATE_FILE, SplitWriter

# The marker file of a split by format, without which it is incomplete; it is moved there last.
MARKERS = {"datasets": STATE_FILE, "parquet": CARD_FILE}


class Writer(Protocol):
    """Interface of the writers of one split. The split is incomplete before `finish`."""

    rows: int

    def write(self, batch: pa.RecordBatch) -> None:
        """Append a batch."""

    def finish(self, split: str, label_names: tuple[str, ...]) -> None:
        """Complete the split."""

    def close(self) -> None:
        """Close open files, finished or not."""


def writer(kind: str, folder: Path, schema: pa.Schema, label_names: tuple[str, ...] | None) -> Writer:
    """Create the writer of one split in the format `kind`."""
    if kind == "datasets":
        return SplitWriter(folder, schema)
    # Imported late: it imports pandas, which costs half a second.
    from processing.writing.parquet import ParquetSplitWriter

    return ParquetSplitWriter(folder, schema, label_names)


@dataclass
class Outputs:
    """The staging folders of the splits and of the report, and the writers of the splits."""

    splits: Mapping[str, Path]
    report: Path
    format: str = "datasets"
    writers: dict[str, Writer] = field(default_factory=dict)
    schema: pa.Schema | None = None

    def open(self, schema: pa.Schema, label_names: tuple[str, ...] | None, file: str = "") -> None:
        """Create the writers on the first call; later calls check that `schema` is the same.

        Args:
            label_names: None if they are known only at the end.
            file: name of the input file whose rows follow.

        Raises:
            UserError: a kept column has another type than in the first call.
        """
        if self.schema is None:
            self.schema = schema
            self.writers = {
                name: writer(self.format, folder, schema, label_names) for name, folder in self.splits.items()
            }
        elif schema != self.schema:
            old, new = next(pair for pair in zip(self.schema, schema, strict=True) if pair[0] != pair[1])
            raise UserError(
                f"input file {file} has values of the type {new.type} in column {new.name}, and an earlier file of the "
                f"type {old.type}; expected the same type in all files"
            )

    def close(self) -> None:
        """Close the writers' files, finished or not."""
        for writer in self.writers.values():
            writer.close()

    def finish(self, card: Card) -> None:
        """Complete every split, and write the card into the folders of the splits and of the report."""
        for name, writer in self.writers.items():
            writer.finish(name, card.label_names)
            card.write(self.splits[name])
        card.write(self.report)


@contextmanager
def outputs(paths: Paths, hosts: Hosts, names: tuple[str, ...], format: str = "datasets") -> Iterator[Outputs]:
    """Stage the outputs of this host; on success they are published, train last, on failure none is.

    With several hosts each writes to a folder with its own name, so that uploads to one S3 prefix do not collide.

    Args:
        names: the splits to write.
    """
    targets = folders(paths, hosts)
    for name in SPLITS:
        remove_older(targets[name])
    with ExitStack() as stack:
        splits = {name: stack.enter_context(staged(targets[name], MARKERS[format])) for name in names}
        result = Outputs(splits, stack.enter_context(staged(targets["report"], REPORT_FILE)), format)
        stack.callback(result.close)
        yield result


def remove_older(folder: Path) -> None:
    """Delete the output of an earlier job in `folder`, of any format.

    Raises:
        UserError: the folder has files that no earlier job wrote.
    """
    for marker in MARKERS.values():
        if (folder / marker).exists():
            clear(folder, marker)
    if folder.is_dir():
        clear(folder, CARD_FILE)


def folders(paths: Paths, hosts: Hosts) -> dict[str, Path]:
    """Final folder of each split and of the report."""
    roots = {
        "train": paths.processing_train,
        "validation": paths.processing_validation,
        "test": paths.processing_test,
        "report": paths.processing_report,
    }
    return {name: root / hosts.current if hosts.count > 1 else root for name, root in roots.items()}
