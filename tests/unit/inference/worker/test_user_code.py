from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from contract.failures import UserError
from inference.worker.user_code import MODULE_NAME, UserFunctions, call, load


@pytest.fixture(autouse=True)
def undo_import() -> Iterator[None]:
    before = list(sys.path)
    yield
    sys.path[:] = before
    for name in (MODULE_NAME, "helper"):
        sys.modules.pop(name, None)


def write(folder: Path, text: str, name: str = "inference.py") -> Path:
    (folder / "code").mkdir(exist_ok=True)
    (folder / "code" / name).write_text(text)
    return folder


def test_a_model_without_code(tmp_path: Path) -> None:
    functions = load(tmp_path, None)
    assert functions == UserFunctions()
    assert functions.batched


def test_a_teams_inference_module_does_not_shadow_the_package(tmp_path: Path) -> None:
    write(tmp_path, "ANSWER = 42", "helper.py")
    functions = load(write(tmp_path, "from helper import ANSWER\ndef output_fn(p, accept):\n    return ANSWER"), None)
    assert functions.names == ["output_fn"]
    assert functions.output_fn is not None
    assert functions.output_fn(None, None) == 42
    assert "site-packages" not in str(sys.modules["inference"].__file__)
    assert str(tmp_path) not in str(sys.modules["inference"].__file__)


@pytest.mark.parametrize(
    ("text", "batched"),
    [
        ("def input_fn(d, t): ...\ndef output_fn(p, a): ...", True),
        ("def predict_fn(d, m): ...", False),
        ("def model_fn(d): ...", False),
        ("def transform_fn(m, d, t, a): ...", False),
    ],
)
def test_requests_are_batched_unless_a_function_replaces_the_forward_pass(
    tmp_path: Path, text: str, batched: bool
) -> None:
    assert load(write(tmp_path, text), None).batched is batched


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("def (", "inference.py fails on import: SyntaxError"),
        ("import nothing_of_that_name", "inference.py fails on import: ModuleNotFoundError"),
        ("def predict(data): ...", "defines none of model_fn"),
        ("def transform_fn(m, d, t, a): ...\ndef predict_fn(d, m): ...", "expected either"),
    ],
)
def test_a_bad_module_is_refused(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        load(write(tmp_path, text), None)


def test_sagemaker_program_names_the_file(tmp_path: Path) -> None:
    write(tmp_path, "def model_fn(d): ...", "serving.py")
    assert load(tmp_path, "serving.py").names == ["model_fn"]
    with pytest.raises(UserError, match="SAGEMAKER_PROGRAM is 'other.py'"):
        load(tmp_path, "other.py")


def test_context_is_given_to_those_that_take_it() -> None:
    assert call(lambda one, two: (one, two), "context", 1, 2) == (1, 2)
    assert call(lambda one, two, context: (one, two, context), "context", 1, 2) == (1, 2, "context")
