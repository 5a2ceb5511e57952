"""The first rows of each split, shortened."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from processing.report.row_samples import EXCERPT_CHARS, RowSample, RowSamples
from processing.tokenizing.tokens import Tokens


def test_takes_the_first_rows_of_each_split_over_batches() -> None:
    row_samples = RowSamples(2)
    for start in (0, 3):
        texts = [f"text {start + row} " + "x" * 300 * (row == 1) for row in range(3)]
        tokens = Tokens(np.zeros(10, np.int32), np.array([3, 4, 3], np.int32), np.array([3, 90, 3], np.int32))
        row_samples.add([pa.array(texts)], pa.array([0, 1, 0]), np.array([0, 0, 2], np.uint8), tokens)
    first, second = row_samples.rows["train"]
    assert first == RowSample(split="train", texts=("text 0 ",), label=0, tokens=3, is_truncated=False)
    assert (second["label"], second["tokens"], second["is_truncated"]) == (1, 90, True)
    assert second["texts"][0].startswith("text 1 xxx") and len(second["texts"][0]) == EXCERPT_CHARS
    assert [row["texts"][0] for row in row_samples.rows["test"]] == ["text 2 ", "text 5 "]
    assert row_samples.rows["validation"] == []
