from __future__ import annotations

from inference.metrics import embedded, queued


def test_queued_ms_is_that_of_the_first_request() -> None:
    assert queued(["10.5", None, "10.25"], started=11.0) == {"queued_ms": 750.0}
    assert queued([None], started=11.0) == {}


def test_every_value_is_a_metric_with_its_unit() -> None:
    line = embedded({"requests": 3, "queued_ms": 1.5}, "Reviews", now=12.0)
    metrics = [{"Name": "requests", "Unit": "Count"}, {"Name": "queued_ms", "Unit": "Milliseconds"}]
    directive = {"Namespace": "Reviews", "Dimensions": [[]], "Metrics": metrics}
    assert line == {"_aws": {"Timestamp": 12_000, "CloudWatchMetrics": [directive]}, "requests": 3, "queued_ms": 1.5}
