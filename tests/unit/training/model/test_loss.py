import itertools

import numpy as np
import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, l1_loss, mse_loss

from training.model.loss import (
    ClassificationLoss,
    MultiLabelLoss,
    RegressionLoss,
    StepLoss,
    balanced,
    positive_weights,
)

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


FLAGS = (torch.rand(10, 3, generator=torch.Generator().manual_seed(1)) < 0.4).float()
NUMBERS = torch.randn(10, generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize(
    ("loss", "logits", "labels", "expected"),
    [
        (MultiLabelLoss(), LOGITS, FLAGS, binary_cross_entropy_with_logits(LOGITS, FLAGS)),
        (
            MultiLabelLoss(pos_weight=torch.tensor([1.0, 2.0, 0.5])),
            LOGITS,
            FLAGS,
            binary_cross_entropy_with_logits(LOGITS, FLAGS, pos_weight=torch.tensor([1.0, 2.0, 0.5])),
        ),
        (MultiLabelLoss(0.2), LOGITS, FLAGS, binary_cross_entropy_with_logits(LOGITS, FLAGS * 0.8 + 0.1)),
        (RegressionLoss(), LOGITS[:, :1], NUMBERS, mse_loss(LOGITS[:, 0], NUMBERS)),
        (RegressionLoss(absolute=True), LOGITS[:, :1], NUMBERS, l1_loss(LOGITS[:, 0], NUMBERS)),
    ],
)
def test_losses_are_torchs_own_for_any_shares_of_a_step(
    loss: StepLoss, logits: torch.Tensor, labels: torch.Tensor, expected: torch.Tensor
) -> None:
    shares = [loss({"logits": logits[part]}, labels[part], 10) for part in (slice(0, 7), slice(7, 10))]
    torch.testing.assert_close(sum(shares), expected)
    torch.testing.assert_close(loss({"logits": logits}, labels, None), expected)


def test_the_focal_loss_weighs_each_row_by_what_its_class_lacks() -> None:
    probabilities = LOGITS.softmax(-1)[torch.arange(10), LABELS]
    expected = (-((1 - probabilities) ** 2) * probabilities.log()).mean()
    torch.testing.assert_close(ClassificationLoss(gamma=2.0)({"logits": LOGITS}, LABELS, 10), expected)
    right = torch.where(FLAGS > 0, LOGITS.sigmoid(), 1 - LOGITS.sigmoid())
    several = MultiLabelLoss(gamma=2.0)({"logits": LOGITS}, FLAGS, 10)
    torch.testing.assert_close(several, (-((1 - right) ** 2) * right.log()).mean())


def test_a_label_weighs_by_the_rows_without_it_over_those_with_it() -> None:
    assert positive_weights(np.array([[1, 0, 1], [0, 0, 1], [0, 0, 1]])).tolist() == pytest.approx([2, 1, 1e-3])
