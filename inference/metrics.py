"""The log line of each batch: sizes and times as JSON, or CloudWatch's embedded metric format.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Iterable, Mapping

# When a request reached the front: seconds of the machine's monotonic clock, which all processes share.
ARRIVED_HEADER = "x-serving-arrived"
UNITS = {
    "requests": "Count",
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
    """Write the line: for people, or with a namespace for CloudWatch, which takes a line only if it is all JSON."""
    if namespace is None:
        log.info("batch %s", json.dumps(values))
    else:
        sys.stdout.write(json.dumps(embedded(values, namespace, time.time())) + "\n")
        sys.stdout.flush()


def embedded(values: Mapping[str, float], namespace: str, now: float) -> dict[str, object]:
    """`values` with the directive that makes metrics of them; `now` in seconds since 1970."""
    metrics = [{"Name": name, "Unit": UNITS[name]} for name in values]
    directive = {"Namespace": namespace, "Dimensions": [[]], "Metrics": metrics}
    return {"_aws": {"Timestamp": int(1000 * now), "CloudWatchMetrics": [directive]}, **values}


def queued(arrivals: Iterable[str | None], started: float) -> dict[str, float]:
    """How long the first of a batch's requests waited, in ms, from ARRIVED_HEADER; nothing where none says it."""
    known = [float(arrival) for arrival in arrivals if arrival]
    return {"queued_ms": round(1000 * (started - min(known)), 1)} if known else {}
