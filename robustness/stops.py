"""`docker stop` on the training image at random moments: saved, no finished step lost, resumed at that step.

    python -m robustness.stops --image TAG [--model FOLDER] [--stops 20] [--seed 0] [--docker-run=--OPTION ...]

One and two processes on one and two hosts take turns; hosts are containers on a network of their
own. A job is stopped and started again and again, with the first host's checkpoints given to all,
as S3 does. Ends with the first stop that does not keep the promise, and says what it broke. The model
is MiniLM-L6 as its package has it (see benchmarks/models.py), in fp32.
"""

from __future__ import annotations

import argparse
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import jobs, models
from contract.card import Card
from contract.files import write_json
from contract.paths import Paths
from training.checkpointing import store

ROWS = 480
GRACE = 60  # seconds
START_LIMIT = 300  # seconds
WAIT = 4.0  # seconds after the first step, at most
SHAPES = ((1, 1), (1, 2), (2, 1), (2, 2))  # hosts, processes on each
HYPERPARAMETERS = {
    "epochs": 10_000,
    "train_batch_size": 8,
    "logging_steps": 1,
    "checkpoint_minutes": 0,
    "bf16": False,
}
# Of a step that trained: an evaluation is logged with the same number, in the next start where a stop cut it short.
STEP = re.compile(r"metrics: step = (\d+)\n.*metrics: loss = ")


@dataclass
class Cluster:
    """Containers that train together.

    Attributes:
        image: to run.
        folder: with one folder a host, which stands for its /opt/ml.
        data: the channels.
        network: of Docker's.
        hosts: names.
        options: further ones of docker run.
        stopped_at: step of the last stop's checkpoint; 0 before the first.
    """

    image: str
    folder: Path
    data: Path
    network: str
    hosts: list[str]
    options: list[str] = field(default_factory=list)
    stopped_at: int = 0

    def paths(self, host: str) -> Paths:
        return Paths(self.folder / host)

    def container(self, host: str) -> str:
        return f"{self.network}-{host}"

    def configure(self, processes: int) -> None:
        values = HYPERPARAMETERS | {"processes_per_host": processes}
        for host in self.hosts:
            paths = self.paths(host)
            write_json(paths.hyperparameters, {name: str(value) for name, value in values.items()})
            write_json(paths.training_resource_config, {"current_host": host, "hosts": self.hosts})

    def start(self) -> None:
        self.remove()
        for host in self.hosts:
            docker(
                *("run", "--detach", "--name", self.container(host), "--network", self.network),
                *("--network-alias", host, "--env", "OMP_NUM_THREADS=1", *self.options),
                *("--volume", f"{self.folder / host}:/opt/ml", "--volume", f"{self.data}:/opt/ml/input/data:ro"),
                self.image,
            )

    def remove(self) -> None:
        docker("rm", "--force", *map(self.container, self.hosts), check=False)

    def log(self, host: str) -> str:
        return docker("logs", self.container(host))

    def steps(self) -> list[int]:
        """Every step that this start has finished so far."""
        return [int(step) for step in STEP.findall(self.log(self.hosts[0]))]

    def await_step(self) -> None:
        """Wait for the first step of this start, and check that it is the one after the checkpoint."""
        deadline = time.monotonic() + START_LIMIT
        while not (steps := self.steps()):
            expect(time.monotonic() < deadline, f"no step in {START_LIMIT} s:\n{self.log(self.hosts[0])[-3000:]}")
            time.sleep(0.2)
        expect(steps[0] == self.stopped_at + 1, f"went on at step {steps[0]} after the one of {self.stopped_at}")

    def stop(self) -> float:
        """Stop all hosts at once and check what they leave. Returns the seconds that it took."""
        started = time.monotonic()
        docker("stop", "--time", str(GRACE), *map(self.container, self.hosts))
        seconds = time.monotonic() - started
        done = self.steps()[-1]
        self.stopped_at = self.check_checkpoint(done)
        for host in self.hosts:
            self.check_host(host)
        self.check_model()
        self.sync()
        return seconds

    def check_checkpoint(self, done: int) -> int:
        found = store.newest(self.paths(self.hosts[0]).checkpoints)
        expect(found is not None, "no checkpoint")
        step = found.step if found else 0
        expect(step == done, f"steps until {done} were finished, the checkpoint is of step {step}")
        return step

    def check_host(self, host: str) -> None:
        status = docker("inspect", "--format", "{{.State.ExitCode}}", self.container(host))
        expect(status not in ("0", "137"), f"{host} ended with {status}")
        text = self.paths(host).failure.read_text()
        expect(text == f"interrupted, checkpoint at step {self.stopped_at}", f"{host} says {text!r}")

    def check_model(self) -> None:
        card = Card.read(self.paths(self.hosts[0]).model)
        expect(card.partial, "the model is not marked partial")

    def sync(self) -> None:
        """What S3 does between two starts: every host gets what any host had."""
        source = self.paths(self.hosts[0]).checkpoints
        for host in self.hosts[1:]:
            subprocess.run(["cp", "--archive", f"{source}/.", str(self.paths(host).checkpoints)], check=True)


def docker(*arguments: str, check: bool = True) -> str:
    finished = subprocess.run(
        ["docker", *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    expect(not check or finished.returncode == 0, f"docker {arguments[0]}: {finished.stdout[-2000:]}")
    return finished.stdout.strip()


def expect(holds: bool, otherwise: str) -> None:
    if not holds:
        raise AssertionError(otherwise)


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m robustness.stops")
    parser.add_argument("--image", required=True, help="tag of the training image")
    models.add_option(parser)
    parser.add_argument("--stops", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("--docker-run", action="append", default=[], help="a further option of docker run")
    return parser.parse_args(arguments)


def main() -> int:
    given = parse()
    model = models.locate_unless_scratch(given.model)
    moments, seconds = random.Random(given.seed), []
    with tempfile.TemporaryDirectory(prefix="stops-") as name:
        data = jobs.prepare(Path(name) / "prepared", ROWS, model) / "data"
        for i, (hosts, processes) in enumerate(SHAPES):
            names = [f"algo-{host + 1}" for host in range(hosts)]
            network = f"stops-{hosts}-{processes}"
            cluster = Cluster(given.image, Path(name) / network, data, network, names, given.docker_run)
            cluster.configure(processes)
            for taken in stops(cluster, given.stops // len(SHAPES) + (i < given.stops % len(SHAPES)), moments):
                seconds.append(taken)
                print(f"{hosts} hosts, {processes} processes: step {cluster.stopped_at}, {taken:.1f} s", flush=True)
            # Up to 2 GB with the checkpoints of MiniLM-L6.
            shutil.rmtree(cluster.folder)
    print(f"{len(seconds)} of {given.stops} stops kept their promise; the longest took {max(seconds):.1f} s")
    return 0


def stops(cluster: Cluster, count: int, moments: random.Random) -> Iterator[float]:
    """Start, stop at a random moment, check, `count` times, and one more start; seconds of each stop."""
    docker("network", "create", cluster.network)
    try:
        for _ in range(count):
            cluster.start()
            cluster.await_step()
            time.sleep(moments.uniform(0, WAIT))
            yield cluster.stop()
        cluster.start()
        cluster.await_step()
    finally:
        cluster.remove()
        docker("network", "rm", cluster.network)


if __name__ == "__main__":
    sys.exit(main())
