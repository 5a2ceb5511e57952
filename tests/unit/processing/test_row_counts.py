"""Checks of the row counts."""

from __future__ import annotations

import pytest

from contract.failures import UserError
from processing.options import ProcessingOptions
from processing.reading.rejects import Reject
from processing.row_counts import JobCounts
from processing.rows.filters import Counts, Outcome

OPTIONS = ProcessingOptions()


def job_counts(kept: int = 3, written: int = 3) -> JobCounts:
    counts = Counts()
    counts.add(Outcome.KEPT, kept)
    counts.add(Outcome.WHERE, 2)
    found = JobCounts({"a": counts})
    found.statistics.add_split("train", written)
    return found


def test_counts_that_add_up_pass() -> None:
    job_counts().check(OPTIONS, 1)
    assert job_counts().total().read == 5


def test_a_row_that_was_not_written_or_not_counted_is_a_bug() -> None:
    with pytest.raises(RuntimeError, match="3 rows were kept and 0 repeated, but 2 written"):
        job_counts(written=2).check(OPTIONS, 1)
    lost = job_counts()
    lost.by_file["a"].read += 1
    with pytest.raises(RuntimeError, match="a: rows read are not kept"):
        lost.check(OPTIONS, 1)


def test_one_host_needs_a_row_to_train_on() -> None:
    with pytest.raises(UserError, match="no row is left to train on: 2 rows read, 0 kept, 2 filtered .where."):
        job_counts(0, 0).check(OPTIONS, 1)
    job_counts(0, 0).check(OPTIONS, 2)


def test_unlabelled_rows_need_no_split_to_train_on() -> None:
    found = job_counts(3, 0)
    found.statistics.add_split("test", 3)
    with pytest.raises(UserError, match="to train on"):
        found.check(OPTIONS, 1)
    found.check(ProcessingOptions(unlabelled=True), 1)
    with pytest.raises(UserError, match="no row is left: "):
        job_counts(0, 0).check(ProcessingOptions(unlabelled=True), 1)


@pytest.mark.parametrize(
    ("most", "fails"), [(None, False), (0, True), (1, True), (2, False), (0.1, True), (0.2, False)]
)
def test_rejects_are_limited_by_share_or_number(most: float | None, fails: bool) -> None:
    found = job_counts(6, 6)
    found.by_file["a"].add(Outcome.NO_LABEL, 2)
    first = Reject("a.tsv", 7, "label", "no label", None)
    if not fails:
        found.check_rejects(most, first)
        return
    with pytest.raises(
        UserError, match=rf"2 of 10 rows .* --max-rejects {most}.*2 rejected .no label.*line 7 of a.tsv"
    ):
        found.check_rejects(most, first)
