from __future__ import annotations

from pathlib import Path

import pytest

from inference.__main__ import main


def test_help_lists_the_variables(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"], {}) == 0
    assert "SERVING_BATCH_SIZE" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "environ", "sentence"),
    [
        (
            ["train"],
            {},
            "the argument is train, but this is the inference image; expected sagemaker-huggingface",
        ),
        (["serve"], {"SERVING_BATCH_SIZE": "x"}, "SERVING_BATCH_SIZE is 'x', expected a whole number"),
        (["serve"], {}, "no such folder"),
    ],
)
def test_a_user_error_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], environ: dict[str, str], sentence: str
) -> None:
    assert main(arguments, {"SAGEMAKER_BASE_DIR": str(tmp_path), **environ}) == 2
    output = capsys.readouterr().out
    assert sentence in output
    assert output.count("\n") == 1
