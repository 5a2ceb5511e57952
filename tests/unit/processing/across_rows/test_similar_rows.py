"""What happens with near-duplicates: counted, dropped, or kept in one split."""

from __future__ import annotations

from pathlib import Path

from unit.processing.occurrences import first_pass_over, left_out, splits

from processing.rows.filters import Outcome

TEXTS = [
    f"win {number // 4} prizes of {number // 4} pounds and call {number // 4} {number % 4}" for number in range(200)
]
NUMBERS = [0] * 200


def test_the_rest_of_each_group_is_dropped(tmp_path: Path) -> None:
    first_pass, _ = first_pass_over(TEXTS, NUMBERS, tmp_path, near_duplicates=0.7, near_duplicate_rows="drop")
    assert left_out(first_pass, 200) == {row: Outcome.NEAR_DUPLICATE for row in range(200) if row % 4}


def test_a_group_is_in_one_split_and_the_leak_without_it_is_counted(tmp_path: Path) -> None:
    plain, _ = first_pass_over(TEXTS, NUMBERS, tmp_path, stratify=False, max_rows=1000)
    before = splits(plain, TEXTS)
    first_pass, _ = first_pass_over(TEXTS, NUMBERS, tmp_path, near_duplicates=0.7)
    found = splits(first_pass, TEXTS)
    assert all(len({*found[start : start + 4]}) == 1 for start in range(0, 200, 4))
    in_train = [0 in before[start : start + 4] for start in range(0, 200, 4) for _ in range(4)]
    assert first_pass.similar == {
        "groups": 50,
        "rows": 200,
        "validation_near_train": sum(split == 1 and leaks for split, leaks in zip(before, in_train, strict=True)),
        "test_near_train": sum(split == 2 and leaks for split, leaks in zip(before, in_train, strict=True)),
    }
    assert first_pass.similar["test_near_train"] > 5 and {*found} == {0, 1, 2}


def test_keys_of_groups_are_not_torn(tmp_path: Path) -> None:
    keys = [f"user {number % 7}" if number < 28 else f"user {number}" for number in range(200)]
    first_pass, _ = first_pass_over(TEXTS, NUMBERS, tmp_path, keys, near_duplicates=0.7)
    found = splits(first_pass, keys)
    assert len({*found[:28]}) == 1
    assert all(len({*found[start : start + 4]}) == 1 for start in range(28, 200, 4))


def test_rows_that_are_left_out_for_other_reasons_do_not_count(tmp_path: Path) -> None:
    # Of each group of four the first two are equal, with different labels.
    texts = [TEXTS[number - (number % 4 == 1)] for number in range(200)]
    numbers = [int(number % 4 == 1) for number in range(200)]
    first_pass, _ = first_pass_over(
        texts, numbers, tmp_path, conflicts="drop", near_duplicates=0.7, near_duplicate_rows="drop"
    )
    outcomes = {0: Outcome.CONFLICT, 1: Outcome.CONFLICT, 3: Outcome.NEAR_DUPLICATE}
    assert left_out(first_pass, 200) == {row: outcomes[row % 4] for row in range(200) if row % 4 != 2}
    assert first_pass.similar is not None
    assert (first_pass.similar["groups"], first_pass.similar["rows"]) == (50, 100)


def test_a_group_of_which_one_row_is_left_is_none(tmp_path: Path) -> None:
    texts = [text for text in TEXTS[::4] for _ in range(2)]
    first_pass, _ = first_pass_over(texts, [0] * 100, tmp_path, drop_duplicates=True, near_duplicates=0.7)
    assert first_pass.similar == {"groups": 0, "rows": 0, "validation_near_train": 0, "test_near_train": 0}
    plain, _ = first_pass_over(texts, [0] * 100, tmp_path, drop_duplicates=True, max_rows=1000)
    assert splits(first_pass, texts) == splits(plain, texts)
