"""The output folders train, validation, test and report: cleared, staged, and published when all are complete."""

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

# The file that makes a folder a split, moved there last.
MARKERS = {"datasets": STATE_FILE, "parquet": CARD_FILE}


class Writer(Protocol):
    """What writes one split. Nothing is a dataset before `finish`."""

    rows: int

    def write(self, batch: pa.RecordBatch) -> None: ...

    def finish(self, split: str, label_names: tuple[str, ...]) -> None: ...

    def close(self) -> None: ...


def writer(kind: str, folder: Path, schema: pa.Schema, label_names: tuple[str, ...] | None) -> Writer:
    """The writer of the format `kind`."""
    if kind == "datasets":
        return SplitWriter(folder, schema)
    # Imported late: it imports pandas, which costs half a second.
    from processing.writing.parquet import ParquetSplitWriter

    return ParquetSplitWriter(folder, schema, label_names)


@dataclass
class Outputs:
    """Staging folders of the splits and of the report, and the writers of the splits."""

    splits: Mapping[str, Path]
    report: Path
    format: str = "datasets"
    writers: dict[str, Writer] = field(default_factory=dict)
    schema: pa.Schema | None = None

    def open(self, schema: pa.Schema, label_names: tuple[str, ...] | None) -> None:
        """Start a writer for each split; once open, `schema` must stay the same.

        Args:
            label_names: None where they are known only at the end.

        Raises:
            UserError: kept columns have other types than before.
        """
        if self.schema is None:
            self.schema = schema
            self.writers = {
                name: writer(self.format, folder, schema, label_names) for name, folder in self.splits.items()
            }
        elif schema != self.schema:
            changed = next(new for old, new in zip(self.schema, schema, strict=True) if old != new)
            raise UserError(f"column {changed.name} is {changed.type} in one file and another type in the next")

    def close(self) -> None:
        for writer in self.writers.values():
            writer.close()

    def finish(self, card: Card) -> None:
        """Complete every split with the card beside it, and put the card into the report's folder."""
        for name, writer in self.writers.items():
            writer.finish(name, card.label_names)
            card.write(self.splits[name])
        card.write(self.report)


@contextmanager
def outputs(paths: Paths, hosts: Hosts, wanted: tuple[str, ...], format: str = "datasets") -> Iterator[Outputs]:
    """Staged outputs for this host. On success they are published, train last; on failure nothing is.

    Of several hosts each writes below its own name, so that uploads to one prefix do not collide.
    """
    places = folders(paths, hosts)
    for name in SPLITS:
        remove_older(places[name])
    with ExitStack() as stack:
        splits = {name: stack.enter_context(staged(places[name], MARKERS[format])) for name in wanted}
        result = Outputs(splits, stack.enter_context(staged(places["report"], REPORT_FILE)), format)
        stack.callback(result.close)
        yield result


def remove_older(folder: Path) -> None:
    """Empty `folder` of what an earlier job left there, in whichever format.

    Raises:
        UserError: it holds files of another origin.
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
