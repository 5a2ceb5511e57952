"""Outcomes are counted once each and add up; the checks of the row counts."""

from __future__ import annotations

import pytest

from contract.failures import UserError
from processing.options import ProcessingOptions
from processing.reading.rejects import Reject
from processing.row_counts import Counts, JobCounts
from processing.rows.filters import Outcome

OPTIONS = ProcessingOptions()


def test_every_outcome_is_counted_where_it_belongs() -> None:
    counts = Counts()
    for outcome in Outcome:
        if outcome is not Outcome.UNKNOWN_LABEL:
            counts.add(outcome, 1 + int(outcome))
    assert (counts.kept, counts.other_hosts) == (1, 3)
    assert counts.filtered == {
        "where": 5, "empty text": 6, "shorter than min_chars": 7, "longer than max_chars": 8, "duplicate": 12,
        "over --max-rows": 13, "cut by --balance": 14, "fewer than min_tokens": 15,
        "conflicting label": 22, "near-duplicate": 23, "half a pair missing": 24,
        "no room for the text to truncate": 25,
    }  # fmt: skip
    assert counts.rejected == {
        "not a JSON object": 4, "no label": 9, "label not understood": 10, "not UTF-8": 16,
        "list or object instead of text": 17, "split not understood": 21,
    }  # fmt: skip
    assert counts.read == 1 + 174 + 77
    assert counts.rows().balanced()


def test_merging_adds_everything() -> None:
    one, total = Counts(), Counts()
    for outcome in (Outcome.KEPT, Outcome.WHERE, Outcome.NO_LABEL, Outcome.OTHER_HOST):
        one.add(outcome, 2)
    total.merge(one)
    total.merge(one)
    assert (total.read, total.kept, total.other_hosts) == (12, 4, 4)
    assert (total.filtered, total.rejected) == ({"where": 4}, {"no label": 4})


def job_counts(kept: int = 3, written: int = 3) -> JobCounts:
    counts = Counts()
    counts.add(Outcome.KEPT, kept)
    counts.add(Outcome.WHERE, 2)
    found = JobCounts({"a": counts})
    found.statistics.rows["train"] += written
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
    found.statistics.rows["test"] += 3
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
    first = str(Reject("a.tsv", 7, "label", "no label", None))
    if not fails:
        found.check_rejects(most, first)
        return
    with pytest.raises(
        UserError, match=rf"2 of 10 rows .* --max-rejects {most}.*2 rejected .no label.*line 7 of a.tsv"
    ):
        found.check_rejects(most, first)
