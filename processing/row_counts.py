"""JobCounts: row counts of the job, and the checks at its end: read = kept + filtered + rejected, --max-rejects."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

from contract.failures import UserError
from processing.options import ProcessingOptions
from processing.reading.rejects import Reject
from processing.report import json_report
from processing.report.equal_texts import EqualTexts
from processing.rows.filters import Counts

log = logging.getLogger(__name__)


@dataclass
class JobCounts:
    """Row counts and statistics of a job.

    Attributes:
        by_file: row counts of each file, by its name.
        statistics: statistics of the rows that were written.
        equal_texts: counts of kept rows with equal texts.
    """

    by_file: dict[str, Counts] = field(default_factory=dict)
    statistics: json_report.Statistics = field(default_factory=json_report.Statistics)
    equal_texts: EqualTexts = field(default_factory=EqualTexts)

    def total(self) -> Counts:
        """Row counts over all files."""
        total = Counts()
        for counts in self.by_file.values():
            total.merge(counts)
        return total

    def check(self, options: ProcessingOptions, hosts: int) -> None:
        """Check that the counts add up, and that rows are left to train on.

        Raises:
            RuntimeError: the counts do not add up, which is a bug.
            UserError: no row is left, or none to train on; with several hosts, one host may have none.
        """
        counts = self.total()
        for name, part in {**self.by_file, "all files": counts}.items():
            if not part.rows().balanced():
                raise RuntimeError(f"{name}: rows read are not kept + filtered + rejected: {json_report.counted(part)}")
        written = sum(self.statistics.rows.values())
        repeated = self.statistics.repeated
        if written != counts.kept + repeated:
            raise RuntimeError(f"{counts.kept} rows were kept and {repeated} repeated, but {written} written")
        if hosts == 1 and options.unlabelled and not written:
            raise UserError(f"no row is left: {json_report.in_words(counts)}")
        if hosts == 1 and not options.unlabelled and not self.statistics.rows["train"]:
            raise UserError(f"no row is left to train on: {json_report.in_words(counts)}")
        if not counts.kept:
            log.warning("no row is left on this host: %s", json_report.in_words(counts))

    def check_rejects(self, most: float | None, first: Reject | None) -> None:
        """Check that no more rows were rejected than --max-rejects allows.

        Args:
            most: --max-rejects: below 1 a share of the rows read, else a number of rows; None for no limit.
            first: the first rejected row; named in the error, since a failed job writes no rejects.jsonl.

        Raises:
            UserError: more rows were rejected.
        """
        counts = self.total()
        rejected = sum(counts.rejected.values())
        if most is None or rejected <= (most * counts.read if most < 1 else most):
            return
        where = f"; one is line {first.line} of {first.file} ({first.reason})" if first else ""
        raise UserError(
            f"{rejected} of {counts.read} rows were rejected, more than --max-rejects {most:g}: "
            f"{json_report.in_words(counts)}{where}"
        )
