"""`docker stop` on two hosts at once: both stop at the same step, and resume from it."""

import random
from pathlib import Path

from benchmarks import jobs
from robustness import stops


def test_two_hosts_stop_at_the_same_step_and_resume_from_it(images: dict[str, str], tmp_path: Path) -> None:
    data = jobs.prepare(tmp_path / "prepared", stops.ROWS) / "data"
    cluster = stops.Cluster(images["training"], tmp_path, data, "jobs-training-stops", ["algo-1", "algo-2"])
    cluster.configure(processes=1)
    [seconds] = stops.stops(cluster, 1, random.Random(0))
    assert seconds < stops.GRACE
    assert cluster.stopped_at > 0
