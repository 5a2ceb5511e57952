from __future__ import annotations

import sys
from pathlib import Path

import pytest

from contract.failures import UserError
from inference.worker.user_code import UserFunctions, call, load

pytestmark = pytest.mark.usefixtures("undo_import")


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


COROUTINES = """
import asyncio

async def model_fn(model_dir):
    return asyncio.get_running_loop()

async def predict_fn(data, model, context):
    await asyncio.sleep(0)
    return data, model is asyncio.get_running_loop(), context
"""


def test_coroutine_functions_are_awaited_on_one_event_loop(tmp_path: Path) -> None:
    functions = load(write(tmp_path, COROUTINES), None)
    assert functions.model_fn and functions.predict_fn
    model = call(functions.model_fn, "context", str(tmp_path))
    assert call(functions.predict_fn, "context", "data", model) == ("data", True, "context")


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


def test_code_that_exits_ends_no_worker(tmp_path: Path) -> None:
    functions = load(write(tmp_path, "import sys\ndef predict_fn(d, m):\n    sys.exit(3)"), None)
    assert functions.predict_fn
    with pytest.raises(RuntimeError, match=r"predict_fn called sys.exit\(3\)"):
        functions.predict_fn(None, None)
    with pytest.raises(UserError, match="inference.py fails on import: SystemExit: 3"):
        load(write(tmp_path, "import sys\nsys.exit(3)"), None)
