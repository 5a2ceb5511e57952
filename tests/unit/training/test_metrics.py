import numpy as np
import pytest

from training.metrics import confusion, scores, text


def test_scores_of_two_classes_are_those_of_class_one() -> None:
    labels = np.array([1, 1, 1, 1, 0, 0, 0, 0, 0, 0])
    predicted = np.array([1, 1, 1, 0, 1, 0, 0, 0, 0, 0])
    found = scores(confusion(labels, predicted, 2))
    assert found == pytest.approx({"accuracy": 0.8, "precision": 3 / 4, "recall": 3 / 4, "f1": 0.75})


def test_rows_are_true_classes_and_columns_predicted_ones() -> None:
    assert confusion(np.array([0, 2, 2]), np.array([0, 1, 2]), 3).tolist() == [[1, 0, 0], [0, 0, 0], [0, 1, 1]]


def test_scores_of_more_classes_are_means_over_classes() -> None:
    found = scores(np.array([[2, 0, 0], [0, 1, 1], [0, 0, 2]]))
    assert found["recall"] == pytest.approx((1 + 0.5 + 1) / 3)
    assert found["precision"] == pytest.approx((1 + 1 + 2 / 3) / 3)


def test_a_class_that_nobody_predicts_scores_zero() -> None:
    assert scores(np.array([[5, 0], [5, 0]])) == {"accuracy": 0.5, "f1": 0.0, "precision": 0.0, "recall": 0.0}


@pytest.mark.parametrize(("value", "expected"), [(0.123456789, "0.123457"), (1e-9, "1e-09"), (7, "7"), ("no", "no")])
def test_numbers_are_short(value: object, expected: str) -> None:
    assert text(value) == expected


@pytest.mark.parametrize("classes", [2, 3, 7, 40])
@pytest.mark.parametrize("seed", range(4))
def test_scores_are_those_of_the_textbook_over_the_classes_that_occur(classes: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    # Few rows, so that classes are missing in the labels, in the predictions, or in both.
    labels, predicted = random.integers(0, classes, 9), random.integers(0, classes, 9)
    occurring = [1] if classes == 2 else sorted({*labels, *predicted})
    f1s, precisions, recalls = [], [], []
    for each in occurring:
        hits = int(((labels == each) & (predicted == each)).sum())
        positive, true = int((predicted == each).sum()), int((labels == each).sum())
        f1s.append(2 * hits / (positive + true) if positive + true else 0.0)
        precisions.append(hits / positive if positive else 0.0)
        recalls.append(hits / true if true else 0.0)
    expected = {"f1": np.mean(f1s), "precision": np.mean(precisions), "recall": np.mean(recalls)}
    found = scores(confusion(labels, predicted, classes))
    assert found == pytest.approx({"accuracy": float((labels == predicted).mean()), **expected}, abs=1e-12)


# By scikit-learn 1.9.1: accuracy_score, and f1, precision and recall of precision_recall_fscore_support with
# average="binary" for two classes and "macro" for more. Over 1,500 random cases the largest difference was 1.1e-16.
SCIKIT_LEARN = [
    (2, [0, 1, 1, 0, 1], [0, 1, 0, 1, 1], (0.6, 0.666666667, 0.666666667, 0.666666667)),
    (2, [0, 0, 0], [0, 0, 0], (1.0, 0.0, 0.0, 0.0)),
    (2, [0, 0, 0], [1, 0, 1], (0.333333333, 0.0, 0.0, 0.0)),
    (3, [0, 1, 2, 2, 1], [0, 2, 2, 1, 1], (0.6, 0.666666667, 0.666666667, 0.666666667)),
    (4, [0, 0, 3], [0, 3, 3], (0.666666667, 0.666666667, 0.75, 0.75)),
    (5, [4], [4], (1.0, 1.0, 1.0, 1.0)),
    (5, [4], [1], (0.0, 0.0, 0.0, 0.0)),
    (7, [0, 2, 4, 6, 6, 2], [0, 2, 4, 6, 1, 4], (0.666666667, 0.6, 0.7, 0.6)),
]


@pytest.mark.parametrize(("classes", "labels", "predicted", "expected"), SCIKIT_LEARN)
def test_scores_are_those_of_scikit_learn(
    classes: int, labels: list[int], predicted: list[int], expected: tuple[float, ...]
) -> None:
    found = scores(confusion(np.array(labels), np.array(predicted), classes))
    assert tuple(found[name] for name in ("accuracy", "f1", "precision", "recall")) == pytest.approx(expected, abs=1e-6)
