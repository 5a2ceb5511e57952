import torch
from torch.nn.functional import cross_entropy

from training.loss import ClassificationLoss

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
