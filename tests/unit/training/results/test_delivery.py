from training.results.delivery import metrics_of

HISTORY = [
    {"loss": 0.5, "epoch": 1.0, "step": 10},
    {"eval_loss": 0.4, "eval_accuracy": 0.9, "epoch": 1.0, "step": 10},
    {"eval_loss": 0.6, "eval_accuracy": 0.8, "epoch": 2.0, "step": 20},
]


def test_a_partial_model_has_the_metrics_of_its_own_step() -> None:
    assert metrics_of(HISTORY, 10) == {"eval_loss": 0.4, "eval_accuracy": 0.9}


def test_a_step_without_an_evaluation_has_none() -> None:
    assert metrics_of(HISTORY, 15) == {}
