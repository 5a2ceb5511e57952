"""First pass over all files, for options that need all rows: equal and similar texts, conflicts, strata, samples.

It uses tables in DuckDB, which can sort on disk what does not fit into memory. Where rows of other hosts count, every
host reads all rows of the replicated input, or gets the keys of those of sharded input, so that all compute the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa

from processing.across_rows import occurrences, samples, similar_rows, strata
from processing.across_rows.conflicts import Conflict, conflicts_of, find_conflicts
from processing.across_rows.marks import Marks
from processing.across_rows.occurrences import MARKS, OCCURRENCES, occurrences_sql
from processing.concurrency import map_in_order
from processing.exchange import Exchange
from processing.options import ProcessingOptions

if TYPE_CHECKING:
    from processing.across_rows.near_duplicates import NearDuplicates
    from processing.reading.query import Plan
    from processing.reading.reader import FileReader

# Rows of a batch whose word pairs are hashed at once, and threads that do so beside the one that reads.
BATCH_ROWS, WORKERS = 2048, 2
NAMES = tuple(column.split()[0] for column in occurrences.COLUMNS.split(", "))


def is_needed(options: ProcessingOptions) -> bool:
    """Whether `options` need a first pass."""
    return options.drop_duplicates or options.conflicts != "keep" or needs_all_rows(options)


def in_one_pass(options: ProcessingOptions) -> bool:
    """Whether rows can be decided on while they are read: only earlier rows count for --drop-duplicates."""
    return options.drop_duplicates and options.conflicts == "keep" and not needs_all_rows(options)


def needs_all_rows(options: ProcessingOptions) -> bool:
    """Whether `options` need the rows of all hosts, rather than all rows of a text, of which one host reads all."""
    counts = options.max_rows is not None or options.balance or options.upsample or options.stratify
    return counts or options.near_duplicates is not None


class FirstPass:
    """The first pass: call `add_file` for every file, then `finish`, then read `cut`, `similar` and `marks`.

    Args:
        ratios: shares of train, validation and test.
        spill: folder for temporary files.
        exchange: gives the rows of other hosts; none where this host reads all rows that count.
        numbers: the number in the job of each of this host's files; none means their index.

    Attributes:
        cut: largest rank of any row that is kept, for --max-rows; None for no limit.
        similar: counts of near-duplicates, for the report.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        options: ProcessingOptions,
        ratios: tuple[float, float, float],
        spill: Path,
        exchange: Exchange | None = None,
        numbers: Sequence[int] | None = None,
    ) -> None:
        self.cut: int | None = None
        self.similar: dict[str, int] | None = None
        self._connection, self._options, self._ratios = connection, options, ratios
        self._exchange, self._numbers = exchange or Exchange(), numbers
        self._near: NearDuplicates | None = None
        if options.near_duplicates is not None:
            # Imported late: few jobs need it.
            from processing.across_rows.near_duplicates import NearDuplicates

            self._near = NearDuplicates(options.near_duplicates, spill / "word-pairs.arrow")
        occurrences.create(connection)

    def add_file(self, files: Sequence[int], query: str) -> None:
        """Store the rows of a file, or group of `files`, that the job's query over it would keep."""
        numbers = self._of_job(files)
        if self._near is None:
            self._connection.execute(f"INSERT INTO {OCCURRENCES} {occurrences_sql(self._options, numbers, query)}")
            return
        rows = occurrences_sql(self._options, numbers, query, "lower(text)")
        relation = self._connection.sql(f"SELECT * FROM ({rows}) AS t({', '.join((*NAMES, 'text'))})")
        self._add_batches(relation.to_arrow_reader(BATCH_ROWS), self._near)

    def _add_batches(self, batches: pa.RecordBatchReader, near: NearDuplicates) -> None:
        """Store rows of OCCURRENCES with their texts.

        The table is filled once the file is read, since a connection has one result at a time. Until then the rows are
        on disk: what is left of a batch of DuckDB's keeps its texts in memory.
        """
        path = near.path.with_name("rows.arrow")
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, pa.schema(list(batches.schema)[:-1])) as writer:
            for batch, found in map_in_order(batches, lambda batch: (batch, near.prepared(batch)), WORKERS):
                near.add(found)
                writer.write_batch(batch.drop_columns(["text"]))
        with pa.memory_map(str(path)) as source:
            self._connection.register("batches", pa.ipc.open_file(source).read_all())
            self._connection.execute(f"INSERT INTO {OCCURRENCES} SELECT * FROM batches")
            self._connection.unregister("batches")

    def finish(self) -> None:
        """Decide about all rows, once every file is added."""
        connection, options = self._connection, self._options
        occurrences.exchange_rows(connection, self._exchange)
        if options.conflicts != "keep":
            find_conflicts(connection, options.conflicts)
        if options.drop_duplicates:
            occurrences.drop_duplicates(connection)
        if self._near is not None:
            self._join_similar(self._near)
        if options.max_rows is not None:
            self.cut = samples.cut(connection, options.max_rows, "true")
            if self.cut is not None:
                connection.execute(f"DELETE FROM {OCCURRENCES} WHERE CAST(rank AS HUGEINT) > {self.cut}")
        if options.stratify:
            strata.stratify(connection, self._ratios)
        if options.balance:
            samples.balance(connection)
        if options.upsample:
            samples.upsample(connection)
        connection.execute(
            f"INSERT INTO {MARKS} SELECT file, row, 0, final, copies FROM {OCCURRENCES} "
            "WHERE final <> split OR copies <> 1"
        )
        connection.execute(f"DROP TABLE {OCCURRENCES}")

    def _join_similar(self, near: NearDuplicates) -> None:
        similar_rows.store(self._connection, *near.groups(self._connection, self._exchange))
        self.similar = similar_rows.counted(self._connection)
        if self._options.near_duplicate_rows == "drop":
            similar_rows.drop(self._connection)
        else:
            similar_rows.group(self._connection, self._ratios)

    def marks(self, files: Sequence[int]) -> Marks:
        """What is decided about rows of a file, or group of `files`."""
        return Marks.of(self._connection, self._of_job(files))

    def conflicts(self, files: Sequence[int]) -> list[Conflict]:
        """The rows with conflicting labels of a file, or group of `files`."""
        return conflicts_of(self._connection, self._of_job(files))

    def _of_job(self, files: Sequence[int]) -> Sequence[int]:
        """The numbers in the job of some of this host's files."""
        return files if self._numbers is None else [self._numbers[file] for file in files]


def after_first_pass(
    first_pass: FirstPass, plan: Plan, readers: Iterable[FileReader], counts: dict[str, Any]
) -> Iterator[FileReader]:
    """Run the first pass over all files; returns the readers with its results.

    Args:
        counts: gets the counts of near-duplicates.
    """
    all_readers = list(readers)
    for reader in all_readers:
        reader.add_to(first_pass)
    first_pass.finish()
    counts.update(first_pass.similar or {})
    return with_results(first_pass, plan, all_readers)


def with_results(first_pass: FirstPass, plan: Plan, readers: Iterable[FileReader]) -> Iterator[FileReader]:
    """`readers` with what the first pass has decided about their rows."""
    for reader in readers:
        reader.marks = first_pass.marks(reader.numbers)
        if plan.options.conflicts != "keep":
            reader.conflicts = first_pass.conflicts(reader.numbers)
        reader.plan = replace(reader.plan, cut=first_pass.cut)
        yield reader
