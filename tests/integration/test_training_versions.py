"""Loads delivered models with other releases of transformers: logits must be equal, and no tensor missing.

    TRAINING_TEST_TRANSFORMERS=FOLDER:FOLDER pytest -s tests/integration/test_training_versions.py

Each folder holds a release with what it needs beside this environment, as
`pip install --no-deps --target FOLDER transformers==4.57.3 "huggingface-hub<1"` makes it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from architectures import ARCHITECTURES, write_pretrained
from training_base import LABELS

from contract.card import Card, RowCounts, TokenizerReference
from training.model import base_model, loading
from training.results import model_folder

# Warnings of torch.jit.script, which DeBERTa uses.
pytestmark = [pytest.mark.integration, pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")]

VARIABLE = "TRAINING_TEST_TRANSFORMERS"
RELEASES = [folder for folder in os.environ.get(VARIABLE, "").split(os.pathsep) if folder]
TEXTS = ("good word1 superb", "awful", "word2 word3 word4 lovely word5 word6 word7 broken word8")
# Prints the release, and by folder the missing or unexpected tensors and the logits.
PROGRAM = """
import json, sys, torch, transformers
from transformers import AutoModelForSequenceClassification
transformers.logging.set_verbosity_error()
found = {}
for folder in sys.argv[1:]:
    model, info = AutoModelForSequenceClassification.from_pretrained(folder, output_loading_info=True)
    batch = {name: torch.tensor(rows) for name, rows in json.load(open(folder + "/ids.json")).items()}
    with torch.inference_mode():
        logits = model.eval().float()(**batch).logits
    wrong = [name for key in ("missing_keys", "unexpected_keys", "mismatched_keys") for name in info[key]]
    found[folder] = {"wrong": wrong, "logits": logits.tolist()}
print(json.dumps({"release": transformers.__version__, "found": found}))
"""


def deliver(base_folder: Path, folder: Path) -> None:
    """Write a model folder as training does, and the token ids of TEXTS as a batch."""
    base = base_model.describe(str(base_folder), None)
    base_model.name_classes(base, LABELS)
    base_model.agree_on_padding(base)
    torch.manual_seed(1)
    model = loading.load(base)
    reference = TokenizerReference("tiny", "0" * 64)
    card = Card("text", LABELS, reference, 32, 42, {"train": 1}, RowCounts(1, 1), {})
    model_folder.write(folder, model, base, card, model_folder.Result(1, 1, {}, {}))
    batch = base.tokenizer(list(TEXTS), padding=True)
    content = {name: batch[name] for name in ("input_ids", "attention_mask")}
    (folder / "ids.json").write_text(json.dumps(content))


def logits(folders: list[Path], release: str | None) -> dict[str, torch.Tensor]:
    """Logits of the model in each folder, by the transformers release in `release`, or by this environment's."""
    environ = {**os.environ, "PYTHONPATH": release or ""}
    command = [sys.executable, "-c", PROGRAM, *map(str, folders)]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    said = json.loads(done.stdout.splitlines()[-1])
    sys.stdout.write(f"transformers {said['release']}: {len(said['found'])} models\n")
    assert {folder: each["wrong"] for folder, each in said["found"].items() if each["wrong"]} == {}
    return {Path(folder).name: torch.tensor(each["logits"]) for folder, each in said["found"].items()}


@pytest.fixture(scope="module")
def delivered(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("delivered")
    for name in ARCHITECTURES:
        write_pretrained(folder / "base" / name, name)
        deliver(folder / "base" / name, folder / name)
    return [folder / name for name in ARCHITECTURES]


@pytest.fixture(scope="module")
def expected(delivered: list[Path]) -> dict[str, torch.Tensor]:
    return logits(delivered, None)


@pytest.mark.skipif(not RELEASES, reason=f"{VARIABLE} names no other releases")
@pytest.mark.parametrize("release", RELEASES)
def test_other_releases_give_the_same_logits(
    delivered: list[Path], expected: dict[str, torch.Tensor], release: str
) -> None:
    found = logits(delivered, release)
    assert found.keys() == expected.keys() == ARCHITECTURES.keys()
    for name, values in expected.items():
        torch.testing.assert_close(found[name], values, atol=1e-6, rtol=1e-5, msg=lambda text, n=name: f"{n}: {text}")
