"""Job: runs a processing job: reads the input files, tokenizes batches, writes the splits, report and card."""

from __future__ import annotations

import logging
import tempfile
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event

import duckdb
import numpy as np
import pyarrow as pa

from contract.files import write_json, write_text
from contract.hosts import Hosts
from contract.logs import Progress
from contract.machine import threads
from contract.page import PAGE_FILE
from contract.paths import Paths
from processing.across_rows.first_texts import FirstTexts, most_texts
from processing.arrays import to_numpy
from processing.batches import LABEL_TYPES, Encoded, Padding, Preparation
from processing.concurrency import map_in_order, prefetched
from processing.exchange import Exchange
from processing.listings import Listings
from processing.memory import database_memory
from processing.option_checks import size
from processing.options import ProcessingOptions
from processing.planning import planned
from processing.progress import ReadingProgress
from processing.reading import first_pass, listed_rows
from processing.reading.database import connected
from processing.reading.first_pass import FirstPass, after_first_pass
from processing.reading.groups import all_batches, readers
from processing.reading.layouts_ahead import LayoutsAhead
from processing.reading.query import Plan
from processing.reading.reader import FileReader
from processing.reading.rejects import CONFLICTS_FILE, RejectsFile, append_lines
from processing.reading.source import SourceFile
from processing.report import json_report
from processing.report.report_process import ReportProcess
from processing.report.row_samples import RowSamples
from processing.row_counts import JobCounts
from processing.tokenizing.loading import Loading
from processing.writing.outputs import Outputs, outputs
from processing.writing.writer import LABELS

# Most threads that tokenize: a batch takes some tens of megabytes, and reading cannot feed more threads.
MOST_WORKERS = 6
# Batches that are prefetched: one is ready while the next is read.
BATCHES_AHEAD = 2

log = logging.getLogger(__name__)


@dataclass
class Job:
    """The processing job of one host.

    Attributes:
        tokenizer: path of the tokenizer.json.
        files: the input files that this host reads.
        skipped: names of files that are empty or of an unknown format.
        sharded: whether each host has its own share of the files.
        padding: settings of --padding max_length; None without padding.
        own: what this host reads of the files; None if it reads all, and keeps its share of the rows.
        exchange: gives what other hosts find in sharded input; of a single host where all hosts have the same files.
        listings: names of the files of all hosts that have files of their own, or of this host.
        reports: makes report.html.
        job_counts: numbers of rows, by file and in all.
        started: monotonic seconds at the start.
        differences: rows for which the fast library and tokenizers gave different ids in a first attempt of the job.
        row_samples: sample rows for report.html.
        similar: counts of near-duplicates; empty without --near-duplicates.
        sorts_on_disk: whether a first pass finds duplicates, since there are too many texts to hold in memory.
        background: thread that opens and closes the database, and finds layouts.
    """

    options: ProcessingOptions
    hosts: Hosts
    tokenizer: Path
    files: Sequence[SourceFile]
    skipped: Sequence[str]
    sharded: bool
    padding: Padding | None = None
    own: Sequence[SourceFile] | None = None
    exchange: Exchange = field(default_factory=Exchange)
    listings: Listings | None = None
    reports: ReportProcess = field(default_factory=ReportProcess)
    job_counts: JobCounts = field(default_factory=JobCounts)
    started: float = field(default_factory=time.monotonic)
    differences: int = 0
    row_samples: RowSamples = field(init=False)
    loading: Loading = field(init=False)
    background: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "background"))
    similar: dict[str, int] = field(default_factory=dict)
    sorts_on_disk: bool = False

    def __post_init__(self) -> None:
        self.reports.begin(self.tokenizer)
        self.row_samples = RowSamples(self.options.sample_rows)
        self.loading = Loading(self.tokenizer, self.options, sum(file.size for file in self.own_files))

    @property
    def own_files(self) -> Sequence[SourceFile]:
        """The files, or parts of files, that this host reads."""
        return self.files if self.own is None else self.own

    def run(self, paths: Paths) -> None:
        """Process every file and publish the outputs.

        Raises:
            UserError: bad data, or no row is left to train on.
        """
        with ExitStack() as stack:
            stack.enter_context(self.background)
            ahead = stack.enter_context(LayoutsAhead(self.own_files, self.background))
            spill = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="processing-")))
            database = stack.enter_context(ExitStack())
            connection = self.opened(database, spill)
            is_alone = self.exchange.hosts.count == 1
            one_pass = is_alone and not self.sorts_on_disk and first_pass.in_one_pass(self.options)
            listings = self.listings or Listings.of(self.files)
            plan = planned(connection, self.options, self.files, self.hosts, self.exchange, listings)
            plan = replace(plan if self.own is None else plan.undivided, in_one_pass=one_pass)
            result = stack.enter_context(outputs(paths, self.hosts, plan.split_names, self.options.format))
            with RejectsFile(result.report) as rejects:
                two_passes = first_pass.is_needed(self.options) and not one_pass
                progress = ReadingProgress(log, self.loading.size * (1 + two_passes))
                texts = FirstTexts(most_texts(), plan.compared) if one_pass else None
                file_readers = readers(connection, plan, self.own_files, texts, ahead)
                if two_passes:
                    # Before the first pass, so that an error in the tokenizer is reported at once.
                    self.loading.encoder.summary()
                    first = FirstPass(connection, self.options, plan.ratios, spill, self.exchange, listings.numbers())
                    file_readers = after_first_pass(first, plan, file_readers, self.similar)
                self.exchange.finish()
                self.read(plan, file_readers, result, rejects, progress)
            # It closes while the reports are written.
            closing = self.background.submit(database.close)
            try:
                self.finish(plan, result, rejects)
            finally:
                closing.result()

    @property
    def threads(self) -> int:
        """Number of threads of the database, and at most of the tokenization."""
        return self.options.threads or threads()

    def opened(self, database: ExitStack, spill: Path) -> duckdb.DuckDBPyConnection:
        """The connection that `connected` opens in `database`, while the tokenizer is loaded."""
        opening = self.background.submit(database.enter_context, self.connected(spill))
        try:
            self.loading.library.summary()
        finally:
            connection = opening.result()
        return connection

    def connected(self, spill: Path) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        """Open the DuckDB connection that reads the input files; `spill` is the folder for its temporary files."""
        limit = self.options.memory_limit
        memory = database_memory() if limit is None else size(limit)
        log.info("%d threads, %.0f MB for the database", self.threads, memory / 1e6)
        return connected((file.path for file in self.files if not file.is_small_text), spill, memory, self.threads)

    def read(
        self, plan: Plan, readers: Iterable[FileReader], result: Outputs, rejects: RejectsFile, progress: Progress
    ) -> None:
        """Read all files, tokenize their rows and write them to their splits."""
        is_open = Event()
        with closing(all_batches(readers, is_open)) as source, prefetched(source, BATCHES_AHEAD) as batches:
            # The scan of the first file and the loading of the tokenizer would wait for each other's GIL; the
            # database, which reads the first rows then, needs none.
            is_open.wait()
            preparation = self.preparation(plan.chosen.kept, plan.labels.problem_type)
            for reader, encoded in map_in_order(batches, preparation.of_item, min(self.threads, MOST_WORKERS)):
                if encoded is None:
                    self.complete(reader, result, rejects)
                    continue
                result.open(encoded.schema, plan.labels.names, reader.file.title)
                for (number, outcome), rows in encoded.dropped.items():
                    reader.counts[number].filter(outcome, rows)
                self.write(encoded, result)
                progress.advance(encoded.kept.num_rows)

    def complete(self, reader: FileReader, result: Outputs, rejects: RejectsFile) -> None:
        """Take over what `reader` has counted and rejected, after its last batch is written."""
        for file, counts in zip(reader.file.members, reader.counts, strict=True):
            self.job_counts.by_file[file.name] = counts
        rejects.write(listed_rows.rejects(reader))
        if self.options.conflicts != "keep":
            lines = listed_rows.conflict_lines(reader, reader.plan.labels.names or ())
            append_lines(result.report / CONFLICTS_FILE, lines)

    def write(self, encoded: Encoded, result: Outputs) -> None:
        """Write one batch's rows to their splits, and count them."""
        statistics = self.job_counts.statistics
        statistics.add_repeats(encoded.repeated, encoded.repeated_labels)
        statistics.add_tokens(encoded.tokens)
        if "text_hash" in encoded.kept.schema.names:
            self.job_counts.equal_texts.add(encoded.kept)
        splits = to_numpy(encoded.kept.column("split"), np.uint8)
        self.row_samples.add(encoded.texts, encoded.labels, splits, encoded.tokens)
        for name, rows in encoded.splits.items():
            result.writers[name].write(rows)
            statistics.add_rows(name, rows.num_rows, None if self.options.unlabelled else rows.column(LABELS))

    def preparation(self, columns: tuple[str, ...], problem_type: str) -> Preparation:
        """The callable that tokenizes a batch; `columns` are the names of the columns to keep."""
        options = self.options
        labels = (not options.unlabelled, self.padding, LABEL_TYPES[problem_type])
        return Preparation(self.loading.encoder, options.min_tokens, columns, *labels)

    def finish(self, plan: Plan, result: Outputs, rejects: RejectsFile) -> None:
        """Check the row counts, then write cards and reports and complete the splits."""
        self.job_counts.check(self.options, self.hosts.count)
        self.job_counts.check_rejects(self.options.max_rejects, str(rejects.first or ""))
        counts = self.job_counts.total()
        # A host without files has read no schema, but writes empty splits.
        problem_type = plan.labels.problem_type
        empty = self.preparation(self.options.columns, problem_type).schema([pa.string()] * len(self.options.columns))
        result.open(result.schema or empty, plan.labels.names)
        names = plan.labels.names or ()
        card = json_report.card(self, plan, counts)
        result.finish(card)
        report = json_report.content(self, card, counts, rejects.listed)
        page = self.reports.page(json_report.shown(report), names, self.row_samples.rows)
        write_text(result.report / PAGE_FILE, page)
        write_json(result.report / json_report.REPORT_FILE, report)
        for warning in report["warnings"]:
            log.warning("%s", warning)
        log.info("%s", json_report.summary(card, time.monotonic() - self.started))
