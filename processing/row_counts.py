"""Row counts of the job: rows read = kept + filtered + rejected, checked when the job ends."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

from contract.failures import UserError
from processing.options import ProcessingOptions
from processing.reading.rejects import Reject
from processing.report import json_report
from processing.rows.filters import Counts

log = logging.getLogger(__name__)


@dataclass
class JobCounts:
    """What became of the rows.

    Attributes:
        by_file: counts of each file that was read, by name.
        statistics: what the rows that were written look like.
    """

    by_file: dict[str, Counts] = field(default_factory=dict)
    statistics: json_report.Statistics = field(default_factory=json_report.Statistics)

    def total(self) -> Counts:
        total = Counts()
        for counts in self.by_file.values():
            total.merge(counts)
        return total

    def check(self, options: ProcessingOptions, hosts: int) -> None:
        """Whether the counts add up, and whether there is anything to train on.

        Raises:
            RuntimeError: they do not, which is a bug.
            UserError: no row is left, or none to train on; of several hosts, one may have none.
        """
        counts = self.total()
        for name, mine in {**self.by_file, "all files": counts}.items():
            if not mine.rows().balanced():
                raise RuntimeError(f"{name}: rows read are not kept + filtered + rejected: {json_report.counted(mine)}")
        written = sum(self.statistics.rows.values())
        if written != counts.kept:
            raise RuntimeError(f"{counts.kept} rows were kept, but {written} written")
        if hosts == 1 and options.unlabelled and not written:
            raise UserError(f"no row is left: {json_report.told(counts)}")
        if hosts == 1 and not options.unlabelled and not self.statistics.rows["train"]:
            raise UserError(f"no row is left to train on: {json_report.told(counts)}")
        if not counts.kept:
            log.warning("this host has no row: %s", json_report.told(counts))

    def check_rejects(self, most: float | None, first: Reject | None) -> None:
        """Whether more rows were rejected than --max-rejects allows.

        Args:
            most: below 1 a share of the rows read, else a number.
            first: a rejected row, to start looking at.

        Raises:
            UserError: more were; names reasons and where one is, for nothing is written then.
        """
        counts = self.total()
        rejected = sum(counts.rejected.values())
        if most is None or rejected <= (most * counts.read if most < 1 else most):
            return
        where = f"; one is line {first.line} of {first.file} ({first.reason})" if first else ""
        raise UserError(
            f"{rejected} of {counts.read} rows were rejected, more than --max-rejects {most:g}: "
            f"{json_report.told(counts)}{where}"
        )
