"""What a rank counts of its batches, what a training step costs, and what share of a GPU's peak that is."""

import time

import pytest
import torch
from transformers import BertConfig, BertForSequenceClassification

from training.throughput import Cost, Counts, peak


@pytest.fixture(scope="module")
def bert_base() -> BertForSequenceClassification:
    with torch.device("meta"):
        return BertForSequenceClassification(BertConfig())


def test_a_token_of_bert_base_costs_six_times_its_85_million_parameters(
    bert_base: BertForSequenceClassification,
) -> None:
    cost = Cost.of(bert_base)
    assert cost.token == pytest.approx(6 * 85e6, rel=0.01)
    assert (cost.token + 512 * cost.pair) / cost.token == pytest.approx(1.11, abs=0.01)


def test_a_frozen_weight_has_no_gradient_of_its_own() -> None:
    with torch.device("meta"):
        model = BertForSequenceClassification(BertConfig())
    whole = Cost.of(model)
    model.requires_grad_(False)
    assert Cost.of(model).token == pytest.approx(whole.token * 2 / 3)


def test_the_share_is_of_the_peak_of_the_devices(bert_base: BertForSequenceClassification) -> None:
    cost = Cost.of(bert_base)
    rows = 0.45 * 989e12 / (512 * (cost.token + 512 * cost.pair))
    counted = (rows * 512, rows * 512 * 512)
    assert cost.share(*counted, 1.0, "NVIDIA H100 80GB HBM3") == pytest.approx(0.45)
    assert cost.share(*counted, 1.0, "NVIDIA H100 80GB HBM3", 2) == pytest.approx(0.225)
    assert cost.share(*counted, 1.0, "Somebody's GPU") is None


@pytest.mark.parametrize(
    ("device", "expected"),
    [
        ("NVIDIA A100-SXM4-40GB", 312e12),
        ("NVIDIA A10G", 70e12),
        ("NVIDIA A10", 125e12),
        ("NVIDIA L4", 121e12),
        ("NVIDIA L40S", 362e12),
        ("NVIDIA L40", 181e12),
        ("NVIDIA H100 80GB HBM3", 989e12),
        ("NVIDIA H100 PCIe", 756e12),
        ("NVIDIA H100 NVL", 835e12),
        ("NVIDIA H200", 989e12),
        ("NVIDIA H20", None),
        ("Tesla V100-SXM2-16GB", 125e12),
        ("Tesla T4", 65e12),
        ("NVIDIA RTX A1000", None),
        ("NVIDIA A100-SXM4-40GB MIG 1g.5gb", None),
    ],
)
def test_the_peak_is_that_of_the_whole_name(device: str, expected: float | None) -> None:
    assert peak(device) == expected


def test_padding_is_no_token_and_pauses_are_no_training() -> None:
    counts = Counts()
    with counts.running():
        counts.add(torch.tensor([[1, 1, 0], [1, 0, 0]]))
        with counts.paused():
            time.sleep(0.2)
    assert (counts.rows, counts.tokens, counts.pairs, counts.cells) == (2, 3, 4 + 1, 6)
    assert 0 < counts.seconds < 0.2
