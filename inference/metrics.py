"""Metrics of each batch as one log line: sizes and times as JSON, or in CloudWatch's embedded metric format.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Iterable, Mapping

# Arrival time of a request at the HTTP front: seconds of the host's monotonic clock, which all processes share.
ARRIVED_HEADER = "x-serving-arrived"
UNITS = {
    "requests": "Count",
    "unfinished": "Count",
    "errors": "Count",
    "texts": "Count",
    "tokens": "Count",
    "passes": "Count",
    "padding": "None",
    "queued_ms": "Milliseconds",
    "computed_ms": "Milliseconds",
}

log = logging.getLogger("inference.worker.batch_handler")


def report(values: Mapping[str, float], namespace: str | None) -> None:
    """Log the metrics of a batch. With `namespace` the line is JSON alone, since CloudWatch parses only such lines."""
    if namespace is None:
        log.info("batch %s", json.dumps(values))
    else:
        sys.stdout.write(json.dumps(embedded(values, namespace, time.time())) + "\n")
        sys.stdout.flush()


def embedded(values: Mapping[str, float], namespace: str, now: float) -> dict[str, object]:
    """`values` in the embedded metric format; `now` in seconds since 1970."""
    metrics = [{"Name": name, "Unit": UNITS[name]} for name in values]
    directive = {"Namespace": namespace, "Dimensions": [[]], "Metrics": metrics}
    return {"_aws": {"Timestamp": int(1000 * now), "CloudWatchMetrics": [directive]}, **values}


def queued(arrivals: Iterable[str | None], started: float) -> dict[str, float]:
    """Longest time in ms that a request of the batch waited, from its ARRIVED_HEADER; empty if no request has one."""
    known = [float(arrival) for arrival in arrivals if arrival]
    return {"queued_ms": round(1000 * (started - min(known)), 1)} if known else {}
