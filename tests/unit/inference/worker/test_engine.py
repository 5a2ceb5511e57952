from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import onnx
import pytest
import torch
from unit.inference.tiny import card

from contract import onnx_export
from contract.failures import UserError
from contract.onnx_export import FLOAT32_FILE, INT8_FILE, ONNX_FOLDER
from inference.device import Device
from inference.options import RUN_FOLDER_VARIABLE, ServingOptions
from inference.worker import engine, isolation
from inference.worker.classifier import Classifier
from inference.worker.loading import LoadedModel, load
from inference.worker.onnx_model import OnnxModel
from inference.worker.request import Request, Text

TEXTS = ["good", "the story was very dull", "a bright film " * 9, "bad end"]
VNNI = frozenset({"avx512_vnni"})


@pytest.fixture(scope="module")
def exported(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model with its exported files, and a loss of accuracy of 0.2 points in its card."""
    folder = tmp_path_factory.mktemp("exported") / "model"
    shutil.copytree(model_folder, folder)
    onnx_export.run(folder, folder / ONNX_FOLDER)
    replace(card(folder), int8_accuracy_loss=0.2).write(folder)
    return folder


@pytest.fixture
def copy(exported: Path, tmp_path: Path) -> Path:
    return shutil.copytree(exported, tmp_path / "model")


def chosen(
    folder: Path, flags: frozenset[str] = VNNI, weights: torch.dtype = torch.float32, **options: object
) -> LoadedModel:
    loaded = load(folder, Device(torch.device("cpu"), weights))
    return engine.choose(loaded, folder, ServingOptions(**options), 2, flags)  # type: ignore[arg-type]


def dtype_of(loaded: LoadedModel) -> torch.dtype | None:
    """dtype of ONNX Runtime's engine; None for torch."""
    return loaded.device.dtype if isinstance(loaded.model, OnnxModel) else None


def logits(loaded: LoadedModel, texts: list[str]) -> torch.Tensor:
    classifier = Classifier(loaded, 4096)
    return classifier.logits(classifier.encode(Request([Text(text) for text in texts])))


def test_fp32_gives_torchs_logits(exported: Path) -> None:
    loaded = chosen(exported, dtype="float32")
    assert dtype_of(loaded) == torch.float32
    expected = logits(chosen(exported, engine="torch"), TEXTS)
    torch.testing.assert_close(logits(loaded, TEXTS), expected, rtol=1e-4, atol=1e-5)


def test_int8_gives_other_logits_that_do_not_depend_on_the_batch(exported: Path) -> None:
    loaded, expected = chosen(exported, dtype="int8"), logits(chosen(exported, engine="torch"), TEXTS)
    together, alone = logits(loaded, TEXTS), torch.cat([logits(loaded, [text]) for text in TEXTS])
    assert 1e-4 < isolation.relative(expected, together) < 0.3
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-5)


def test_auto_takes_int8_only_if_its_measured_loss_is_small(exported: Path, copy: Path) -> None:
    assert dtype_of(chosen(exported)) == torch.int8
    assert dtype_of(chosen(exported, int8_loss=0.1)) == torch.float32
    assert dtype_of(chosen(exported, dtype="float32")) == torch.float32
    assert dtype_of(chosen(exported, engine="torch")) is None
    card(copy).write(copy)
    assert dtype_of(chosen(copy)) == torch.float32


def test_auto_takes_no_int8_on_a_cpu_without_its_instructions(exported: Path) -> None:
    assert dtype_of(chosen(exported, flags=frozenset())) == torch.float32


def test_a_bfloat16_model_stays_on_torch_without_int8(exported: Path) -> None:
    assert dtype_of(chosen(exported, weights=torch.bfloat16, int8_loss=0.1)) is None


def test_auto_exports_nothing(model_folder: Path) -> None:
    assert dtype_of(chosen(model_folder)) is None
    assert not (model_folder / ONNX_FOLDER).exists()


@pytest.mark.parametrize("name", [FLOAT32_FILE, INT8_FILE])
def test_a_file_of_other_weights_is_not_used(copy: Path, name: str, caplog: pytest.LogCaptureFixture) -> None:
    onnx_export.mark(copy / ONNX_FOLDER / name, "0" * 64)
    assert dtype_of(chosen(copy, dtype="float32" if name == FLOAT32_FILE else "auto")) is None
    assert f"{name} was exported from other weights" in caplog.text


def test_a_file_with_other_logits_is_not_used(copy: Path) -> None:
    file = copy / ONNX_FOLDER / FLOAT32_FILE
    model = onnx.load(file)
    # The classification head's, of 2 labels and 16 values; token types have such a matrix too.
    for item in model.graph.initializer:
        if sorted(item.dims) == [2, 16]:
            item.CopyFrom(onnx.numpy_helper.from_array(2 * onnx.numpy_helper.to_array(item), item.name))
    onnx.save(model, file)
    with pytest.raises(
        UserError, match=r"^SERVING_ENGINE=onnxruntime, but .* gives other logits than torch, by up to "
    ):
        chosen(copy, engine="onnxruntime", dtype="float32")


def test_a_broken_file_is_one_sentence(copy: Path) -> None:
    (copy / ONNX_FOLDER / INT8_FILE).write_bytes(b"nothing")
    with pytest.raises(UserError, match=r"^SERVING_DTYPE=int8, but .* cannot be run: [^\n]*$"):
        chosen(copy, dtype="int8")


def test_an_export_at_load_is_kept_for_the_next_worker(
    exported: Path, copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(RUN_FOLDER_VARIABLE, str(tmp_path))
    calls = []

    def run(folder: Path, output: Path) -> None:
        calls.append(folder)
        shutil.copytree(exported / ONNX_FOLDER, output)

    monkeypatch.setattr(onnx_export, "run", run)
    shutil.rmtree(copy / ONNX_FOLDER)
    assert [dtype_of(chosen(copy, engine="onnxruntime")) for _ in range(2)] == [torch.float32] * 2
    assert calls == [copy]
    assert [path.name for path in (tmp_path / "onnx").iterdir()] == [onnx_export.digest(copy)]


def test_the_models_used_longest_ago_are_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for age, name in enumerate(("new", "middle", "old")):
        (tmp_path / name).mkdir()
        (tmp_path / name / FLOAT32_FILE).write_bytes(b"x" * 10)
        os.utime(tmp_path / name, (100 - age, 100 - age))
    monkeypatch.setattr(engine, "MOST_CACHED", 35)
    engine.make_room(tmp_path, 10)
    assert {path.name for path in tmp_path.iterdir()} == {"new", "middle"}
