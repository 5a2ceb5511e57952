from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch._dynamo.utils import counters

from contract.failures import UserError
from inference.device import Device
from inference.worker.classifier import Classifier
from inference.worker.compilation import compile_model
from inference.worker.loading import load
from inference.worker.request import Request, Text

# In a separate process, since torch.compile reads its compiler from the environment at import.
WITHOUT_COMPILER = """
import sys
from pathlib import Path
import torch
from inference.worker.classifier import Classifier
from inference.worker.compilation import compile_model
from inference.device import Device
from inference.worker.loading import load

one = Classifier(load(Path(sys.argv[1]), Device(torch.device("cpu"), torch.float32)), 256)
compile_model(one.loaded.model, one.probe)
"""


def classifier(folder: Path) -> Classifier:
    return Classifier(load(folder, Device(torch.device("cpu"), torch.float32)), 256)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "compiled"))
    return tmp_path / "compiled"


@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler")
@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
def test_a_compiled_model_gives_the_same_logits_for_any_shape(model_folder: Path, cache: Path) -> None:
    plain, compiled = classifier(model_folder), classifier(model_folder)
    torch._dynamo.reset()
    counters.clear()
    compile_model(compiled.loaded.model, compiled.probe)
    assert list(cache.rglob("*.cpp"))
    graphs = counters["stats"]["unique_graphs"]
    for texts in (["good film"], ["bad", "the end"], ["good " * 20, "bad", ""] * 7):
        rows = plain.encode(Request([Text(text) for text in texts]))
        torch.testing.assert_close(compiled.logits(rows), plain.logits(rows), rtol=1e-5, atol=1e-5)
    # No request waits for a compilation.
    assert counters["stats"]["unique_graphs"] == graphs == 2


def test_no_compiler_is_one_clear_sentence(model_folder: Path, cache: Path) -> None:
    environ = {**os.environ, "CXX": "no-such-compiler"}
    command = [sys.executable, "-c", WITHOUT_COMPILER, str(model_folder)]
    ended = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    last = ended.stderr.strip().splitlines()[-1]
    assert "UserError: SERVING_COMPILE is true, but the model cannot be compiled: " in last
    assert last.endswith(
        "expected SERVING_COMPILE=false, or the compiler and the versions of libraries that torch.compile needs"
    )


class OfOtherVersions(torch.nn.Module):
    """A module that, once it is compiled, uses a name that it imports only with a later torch."""

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        is_compiled = self._compiled_call_impl is not None
        return imported_with_later_torch(rows) if is_compiled else rows  # type: ignore[name-defined]  # noqa: F821


def test_a_name_that_is_missing_only_in_a_compiled_model_is_one_clear_sentence() -> None:
    model = OfOtherVersions()
    assert model(torch.ones(2)).tolist() == [1, 1]
    with pytest.raises(UserError, match="cannot be compiled: NameError: name 'imported_with_later_torch") as caught:
        compile_model(model, lambda: model(torch.ones(2)))
    assert "\n" not in str(caught.value)
