"""Classes of the training split of the same size, by fewer rows or by copies."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from unit.processing.occurrences import copies, first_pass_over, left_out, splits

from processing.rows.filters import Outcome

TEXTS = [f"review {number}" for number in range(200)]
NUMBERS = [int(number % 5 == 0) for number in range(200)]


def test_balance_leaves_out_rows_of_the_larger_class(tmp_path: Path) -> None:
    first_pass, ranks = first_pass_over(TEXTS, NUMBERS, tmp_path, balance=True)
    found = left_out(first_pass, 200)
    train = {row for row, split in enumerate(splits(first_pass, TEXTS)) if split == 0}
    kept = {number: {row for row in train - set(found) if NUMBERS[row] == number} for number in (0, 1)}
    assert len(kept[0]) == len(kept[1]) > 20
    assert set(found.values()) == {Outcome.UNBALANCED} and set(found) <= train
    assert max(ranks[row] for row in kept[0]) < min(ranks[row] for row in found)


def test_upsample_repeats_rows_of_the_smaller_class(tmp_path: Path) -> None:
    first_pass, ranks = first_pass_over(TEXTS, NUMBERS, tmp_path, upsample=True)
    found, parts = copies(first_pass, 200), splits(first_pass, TEXTS)
    written = Counter[int]()
    for row in range(200):
        assert parts[row] == 0 or found[row] == 1
        written[NUMBERS[row]] += found[row] if parts[row] == 0 else 0
    assert (
        written[0] == written[1] == sum(part == 0 and not number for part, number in zip(parts, NUMBERS, strict=True))
    )
    often = [ranks[row] for row in range(200) if found[row] == max(found)]
    once_less = [ranks[row] for row in range(200) if found[row] == max(found) - 1 and NUMBERS[row]]
    assert left_out(first_pass, 200) == {} and max(often) < min(once_less)
