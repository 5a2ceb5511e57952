"""Outcomes are counted once each and add up."""

from __future__ import annotations

from processing.rows.filters import Counts, Outcome


def test_every_outcome_is_counted_where_it_belongs() -> None:
    counts = Counts()
    for outcome in Outcome:
        if outcome is not Outcome.UNKNOWN_LABEL:
            counts.add(outcome, 1 + int(outcome))
    assert (counts.kept, counts.other_hosts) == (1, 3)
    assert counts.filtered == {
        "where": 5, "empty text": 6, "shorter than min_chars": 7, "longer than max_chars": 8, "duplicate": 12,
        "over --max-rows": 13, "cut by --balance": 14, "fewer than min_tokens": 15,
    }  # fmt: skip
    assert counts.rejected == {"not a JSON object": 4, "no label": 9, "label not understood": 10}
    assert counts.read == 1 + 80 + 23
    assert counts.rows().balanced()


def test_merging_adds_everything() -> None:
    one, total = Counts(), Counts()
    for outcome in (Outcome.KEPT, Outcome.WHERE, Outcome.NO_LABEL, Outcome.OTHER_HOST):
        one.add(outcome, 2)
    total.merge(one)
    total.merge(one)
    assert (total.read, total.kept, total.other_hosts) == (12, 4, 4)
    assert (total.filtered, total.rejected) == ({"where": 4}, {"no label": 4})
