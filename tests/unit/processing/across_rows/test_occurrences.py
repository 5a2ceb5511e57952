"""Equal texts are left out but for the first."""

from __future__ import annotations

from pathlib import Path

from unit.processing.occurrences import first_pass_over, left_out

from processing.rows.filters import Outcome


def test_duplicates_are_equal_regardless_of_case_and_white_space(tmp_path: Path) -> None:
    texts = ["Good  film", "bad film", "good film ", "GOOD\tFILM", "good films", "bad film"]
    first_pass, _ = first_pass_over(texts, [0] * 6, tmp_path, drop_duplicates=True)
    assert left_out(first_pass, 6) == {2: Outcome.DUPLICATE, 3: Outcome.DUPLICATE, 5: Outcome.DUPLICATE}
