import itertools

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from training.model.loss import ClassificationLoss, balanced

LOGITS = torch.randn(10, 3, generator=torch.Generator().manual_seed(0))
LABELS = torch.arange(10) % 3


def test_uneven_shares_add_up_to_the_mean_over_the_step() -> None:
    loss = ClassificationLoss()
    shares = [loss({"logits": LOGITS[part]}, LABELS[part], 10) for part in (slice(0, 7), slice(7, 10))]
    torch.testing.assert_close(sum(shares), cross_entropy(LOGITS, LABELS))


def test_evaluation_takes_the_mean_of_its_batch() -> None:
    torch.testing.assert_close(ClassificationLoss()({"logits": LOGITS}, LABELS, None), cross_entropy(LOGITS, LABELS))


def test_smoothing_is_cross_entropys_own() -> None:
    expected = cross_entropy(LOGITS, LABELS, label_smoothing=0.1)
    torch.testing.assert_close(ClassificationLoss(0.1)({"logits": LOGITS}, LABELS, 10), expected)


def test_weighted_shares_add_up_for_any_number_of_ranks() -> None:
    weights = balanced(LABELS.numpy(), 3)
    loss = ClassificationLoss(weights=weights)
    whole = loss({"logits": LOGITS}, LABELS, 10)
    for cuts in ([0, 7, 10], [0, 2, 5, 10]):
        shares = [loss({"logits": LOGITS[a:b]}, LABELS[a:b], 10) for a, b in itertools.pairwise(cuts)]
        torch.testing.assert_close(sum(shares), whole)
    torch.testing.assert_close(whole, (cross_entropy(LOGITS, LABELS, reduction="none") * weights[LABELS]).sum() / 10)


def test_balanced_classes_weigh_alike_and_one_on_average() -> None:
    labels = np.array([0] * 6 + [1] * 3 + [2])
    weights = balanced(labels, 3).numpy()
    assert np.bincount(labels) * weights == pytest.approx([10 / 3] * 3)
    assert weights[labels].mean() == pytest.approx(1)


def test_a_class_without_a_row_does_not_count() -> None:
    weights = balanced(np.array([0] * 6 + [2] * 2), 3).numpy()
    assert weights.tolist() == pytest.approx([8 / 12, 1, 2])
