"""What a worker computes on a device: the first GPU, and where there is none the CPU."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from contract.machine import gpus
from contract.small_bert import write_model
from inference.device import choose, default_workers
from inference.worker.classifier import Classifier
from inference.worker.loading import load
from inference.worker.parallel import ParallelPasses
from inference.worker.request import Request, Text

pytestmark = [pytest.mark.gpu, pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")]
ON_GPU = torch.cuda.is_available()
TEXTS = ("A lovely kettle.", "A dull one.", "The handle of this kettle is dull, its lid is lovely.")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from transformers import BertForSequenceClassification

    folder = tmp_path_factory.mktemp("model")
    torch.manual_seed(0)
    config = write_model(folder, TEXTS, 32, initializer_range=0.3)
    BertForSequenceClassification(config).save_pretrained(folder)
    return folder


def logits(model: Path, dtype: str, gpu: int | None) -> torch.Tensor:
    device = choose(dtype, gpu, frozenset())
    classifier = Classifier(load(model, device), device.batch_tokens(1), ParallelPasses(1))
    return classifier.logits(classifier.encode(Request([Text(text) for text in TEXTS])))


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-3), ("bfloat16", 0.2), ("auto", 0.2)])
def test_the_device_computes_what_a_cpu_does_in_fp32(model: Path, dtype: str, tolerance: float) -> None:
    expected = logits(model, "float32", None)
    found = logits(model, dtype, 0 if ON_GPU else None)
    torch.testing.assert_close(found, expected, rtol=0, atol=tolerance)


def test_there_is_a_worker_for_each_gpu_that_pytorch_sees() -> None:
    assert len(gpus("index")) == torch.cuda.device_count()
    assert default_workers() == max(torch.cuda.device_count(), 1)
