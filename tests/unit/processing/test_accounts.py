"""The job's own bookkeeping finds what does not add up."""

from __future__ import annotations

import numpy as np
import pytest

from contract.failures import UserError
from processing.accounts import Accounts
from processing.filters import Counts, Outcome


def accounts(kept: int = 3, written: int = 3) -> Accounts:
    counts = Counts()
    counts.add(Outcome.KEPT, kept)
    counts.add(Outcome.WHERE, 2)
    found = Accounts({"a": counts})
    found.statistics.add_split("train", np.zeros(written, np.int64))
    return found


def test_counts_that_add_up_pass() -> None:
    accounts().check(1)
    assert accounts().total().read == 5


def test_a_row_that_was_not_written_or_not_counted_is_a_bug() -> None:
    with pytest.raises(RuntimeError, match="3 rows were kept, but 2 written"):
        accounts(written=2).check(1)
    lost = accounts()
    lost.by_file["a"].read += 1
    with pytest.raises(RuntimeError, match="a: rows read are not kept"):
        lost.check(1)


def test_one_host_needs_a_row_to_train_on() -> None:
    with pytest.raises(UserError, match="no row is left to train on: 2 rows read, 0 kept, 2 filtered .where."):
        accounts(0, 0).check(1)
    accounts(0, 0).check(2)
