from training.results import history

HISTORY = [
    {"step": 10, "loss": 0.7, "learning_rate": 1e-4},
    {"step": 20, "loss": 0.5, "learning_rate": 5e-5},
    {"step": 20, "eval_loss": 0.6, "eval_accuracy": 0.8},
    {"step": 20, "eval_loss": 0.55, "eval_accuracy": 0.9},
    {"step": 20, "train_runtime": 3.0},
]


def test_series_are_by_step_and_the_last_word_counts() -> None:
    assert history.loss(HISTORY) == {"training": [(10, 0.7), (20, 0.5)], "validation": [(20, 0.55)]}
    assert history.quality(HISTORY)["accuracy"] == [(20, 0.9)]
    assert history.quality(HISTORY)["recall"] == []
    assert history.pace(HISTORY) == {"learning rate": [(10, 1e-4), (20, 5e-5)]}
