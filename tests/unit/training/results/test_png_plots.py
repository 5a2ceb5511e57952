import struct
from pathlib import Path

import numpy as np
import pytest

from training.results import png_plots


def size(path: Path) -> tuple[int, int]:
    data = path.read_bytes()
    assert data.startswith(b"\x89PNG")
    width, height = struct.unpack(">II", data[16:24])
    return width, height


def test_curves_are_a_picture_even_of_nothing(tmp_path: Path) -> None:
    png_plots.write_curves(
        tmp_path, [{"step": 1, "loss": 2.0}, {"step": 2, "loss": 1.0}, {"step": 2, "eval_loss": 1.0}]
    )
    assert size(tmp_path / png_plots.CURVES_FILE) == (1200, 480)
    empty = tmp_path / "empty"
    empty.mkdir()
    png_plots.write_curves(empty, [])
    assert (empty / png_plots.CURVES_FILE).read_bytes() != (tmp_path / png_plots.CURVES_FILE).read_bytes()


@pytest.mark.parametrize("classes", [2, 30])
def test_a_matrix_of_few_or_many_classes_is_a_picture(tmp_path: Path, classes: int) -> None:
    png_plots.write_confusion(tmp_path, np.eye(classes, dtype=int), [rf"$\frac{i}$" for i in range(classes)])
    width, height = size(tmp_path / png_plots.CONFUSION_FILE)
    assert width > height > 300
