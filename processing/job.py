"""The job: loops over input files, filters and tokenizes batches, writes the splits, then report and card."""

from __future__ import annotations

import logging
import tempfile
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from contract.card import Card, TokenizerReference
from contract.failures import UserError
from contract.files import write_json, write_text
from contract.hosts import Hosts
from contract.logs import Progress
from contract.machine import threads
from contract.page import PAGE_FILE
from contract.paths import Paths
from contract.tokenizer import fingerprint
from contract.versions import versions
from processing.arrays import to_numpy
from processing.batches import Encoded, Fill, Preparation, pieces
from processing.concurrency import ahead, ordered
from processing.memory import database_memory
from processing.options import ProcessingOptions, ratios, size
from processing.progress import ReadingProgress
from processing.reading import first_pass
from processing.reading.database import connected
from processing.reading.query import Chosen, Plan, choose
from processing.reading.reader import FileReader, describe, readers, surveyed
from processing.reading.rejects import RejectsFile
from processing.reading.source import SourceFile
from processing.report import json_report
from processing.report.html_report import page
from processing.report.row_samples import RowSamples
from processing.row_counts import JobCounts
from processing.rows.filters import Counts, Outcome
from processing.rows.labels import labels, numbered_names
from processing.rows.split import SPLITS
from processing.tokenizing import tokie_encoder
from processing.tokenizing.encoder import Encoder
from processing.writing.outputs import Outputs, outputs
from processing.writing.writer import LABELS

LIBRARIES = ("duckdb", "pyarrow", "tokenizers", "tokie", "numpy")
# Batches at a time: each takes some tens of megabytes, and more than this the reading does not feed.
MOST_WORKERS = 6
# One to be had while the next is read.
BATCHES_AHEAD = 2

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Loaded:
    """A tokenizer ready to encode, and what tells it from others."""

    encoder: Encoder
    fingerprint: str


@dataclass
class Job:
    """One host's job while it runs.

    Attributes:
        tokenizer: the tokenizer.json.
        files: the input files that this host reads.
        passed_over: names of files that are empty or of no known format.
        fill: what rows are padded with; None where they are not.
        accounts: what became of the rows.
        differences: rows that tokie and the library gave different ids, in an earlier attempt.
        excerpts: some rows to show.
    """

    options: ProcessingOptions
    hosts: Hosts
    tokenizer: Path
    files: Sequence[SourceFile]
    passed_over: Sequence[str]
    sharded: bool
    fill: Fill | None = None
    job_counts: JobCounts = field(default_factory=JobCounts)
    started: float = field(default_factory=time.monotonic)
    differences: int = 0
    row_samples: RowSamples = field(init=False)

    def __post_init__(self) -> None:
        self.row_samples = RowSamples(self.options.sample_rows)

    def run(self, paths: Paths) -> None:
        """Process every file and publish the outputs.

        Raises:
            UserError: bad data, or nothing left to train on.
        """
        wanted = tuple(name for name, share in zip(SPLITS, ratios(self.options), strict=True) if share > 0)
        with ExitStack() as stack:
            spill = stack.enter_context(tempfile.TemporaryDirectory(prefix="processing-"))
            connection = stack.enter_context(self.connected(Path(spill)))
            plan = self.plan(describe(connection, self.files[0]) if self.files else {})
            result = stack.enter_context(outputs(paths, self.hosts, wanted, self.options.format))
            with RejectsFile(result.report) as rejects:
                twice = first_pass.is_needed(self.options)
                progress = ReadingProgress(log, sum(file.path.stat().st_size for file in self.files) * (1 + twice))
                found = readers(connection, plan, self.files)
                if twice:
                    # Before the first pass: a tokenizer that is no good should not take that long to be told.
                    self.loaded.encoder.summary()
                for reader in surveyed(connection, found) if twice else found:
                    self.read(reader, result, progress)
                    rejects.write(reader.rejects())
            self.finish(plan, result, rejects)

    @cached_property
    def loaded(self) -> Loaded:
        options = self.options
        encoder = tokie_encoder.encoder(self.tokenizer, options.max_length, options.tokenizer_backend)
        return Loaded(encoder, fingerprint(self.tokenizer))

    @property
    def threads(self) -> int:
        return self.options.threads or threads()

    def connected(self, spill: Path) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        """A connection to the database that reads the input files, within the machine's memory."""
        asked = self.options.memory_limit
        memory = database_memory() if asked is None else size(asked)
        log.info("%d threads, %.0f MB for the database", self.threads, memory / 1e6)
        return connected([file.path for file in self.files], spill, memory, self.threads)

    def plan(self, columns: dict[str, str]) -> Plan:
        rule = labels(self.options)
        if self.hosts.count > 1 and rule.names is None:
            raise UserError(
                "several hosts cannot number the classes by what each of them sees: "
                "give --label-names, --label-threshold or --label-map"
            )
        chosen = choose(self.options, self.files[0], columns) if self.files else Chosen("", "", None, ())
        log.info("text column %s, label column %s", chosen.text, chosen.label or "none")
        host, hosts = (0, 1) if self.sharded else (self.hosts.index, self.hosts.count)
        return Plan(self.options, chosen, rule, ratios(self.options), columns, host, hosts)

    def read(self, reader: FileReader, result: Outputs, progress: Progress) -> None:
        """Tokenize one file's rows and write them to their splits."""
        with ahead(reader.batches(), BATCHES_AHEAD) as batches:
            # After the database has begun: the tokenizer takes as long to load as the first rows take to come.
            preparation = self.preparation(reader.plan.chosen.kept)
            for found in ordered(pieces(batches), preparation, min(self.threads, MOST_WORKERS)):
                result.open(found.schema, reader.plan.labels.names)
                reader.counts.filter(Outcome.FEW_TOKENS, found.dropped)
                self.write(found, result)
                progress.advance(found.kept.num_rows)
        self.job_counts.by_file[reader.file.name] = reader.counts

    def write(self, found: Encoded, result: Outputs) -> None:
        """Write one batch's rows to their splits, and count them."""
        statistics = self.job_counts.statistics
        statistics.add_tokens(found.tokens)
        self.row_samples.add(found.kept, to_numpy(found.kept.column("split"), np.uint8), found.tokens)
        for name, rows in found.splits.items():
            result.writers[name].write(rows)
            statistics.add_split(name, rows.num_rows)
            if not self.options.unlabelled:
                statistics.add_classes(name, to_numpy(rows.column(LABELS), np.int64))

    def preparation(self, columns: tuple[str, ...]) -> Preparation:
        options = self.options
        return Preparation(self.loaded.encoder, options.min_tokens, columns, not options.unlabelled, self.fill)

    def finish(self, plan: Plan, result: Outputs, rejects: RejectsFile) -> None:
        """Check the counts, then describe and complete the outputs."""
        self.job_counts.check(self.options, self.hosts.count)
        self.job_counts.check_rejects(self.options.max_rejects, rejects.first)
        counts = self.job_counts.total()
        # A host without a file has no schema; its splits are empty, but there.
        empty = self.preparation(self.options.columns).schema([pa.string()] * len(self.options.columns))
        result.open(result.schema or empty, plan.labels.names)
        names = plan.labels.names
        if names is None:
            names = numbered_names(self.job_counts.statistics.all_classes(), plan.chosen.label or "")
        card = self.card(plan, names, counts)
        result.finish(card)
        told = self.report(card, counts, rejects.listed)
        write_text(result.report / PAGE_FILE, page(told, names, self.row_samples.rows))
        write_json(result.report / json_report.REPORT_FILE, told)
        log.info("%s", json_report.summary(card, time.monotonic() - self.started))

    def card(self, plan: Plan, names: tuple[str, ...], counts: Counts) -> Card:
        return Card(
            text_column=plan.chosen.text,
            label_names=names,
            tokenizer=TokenizerReference(str(self.options.tokenizer), self.loaded.fingerprint),
            max_length=self.options.max_length,
            seed=self.options.seed,
            splits={name: self.job_counts.statistics.rows[name] for name in SPLITS},
            rows=counts.rows(),
            versions=versions(LIBRARIES),
        )

    def report(self, card: Card, counts: Counts, rejects_listed: int) -> dict[str, Any]:
        return {
            "rows": {**json_report.counted(counts), "rejects_listed": rejects_listed},
            "splits": card.splits,
            "labels": json_report.balance(self.job_counts.statistics, card.label_names),
            "lengths": json_report.lengths(self.job_counts.statistics, self.options.max_length),
            "tokenizing": {**self.loaded.encoder.summary(), "differences": self.differences},
            "time": json_report.timing(time.monotonic() - self.started, counts.read),
            "files": json_report.files(self.job_counts.by_file),
            "files_passed_over": list(self.passed_over),
            "host": {"name": self.hosts.current, "of": self.hosts.count, "sharded_input": self.sharded},
            "options": asdict(self.options),
            "versions": card.versions,
        }
