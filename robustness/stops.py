"""Stops the training image by `docker stop` at random moments, and checks the checkpoint, the model and the resume.

    python -m robustness.stops --image TAG [--model FOLDER] [--stops 20] [--seed 0] [--docker-run=--OPTION ...]

No finished step may be lost. Runs with one and two processes on one and two hosts, which are containers on
a Docker network. A job is stopped and restarted repeatedly; the first host's checkpoints are copied to all
hosts, as S3 does. Ends with an error at the first check that fails. The model is MiniLM-L6 from its Python
package (benchmarks/models.py), in fp32.
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
GRACE = 60  # seconds that docker stop waits
START_LIMIT = 300  # most seconds until the first step
WAIT = 4.0  # most seconds from the first step to the stop
SHAPES = ((1, 1), (1, 2), (2, 1), (2, 2))  # hosts, processes per host
HYPERPARAMETERS = {
    "epochs": 10_000,
    "train_batch_size": 8,
    "logging_steps": 1,
    "checkpoint_minutes": 0,
    "bf16": False,
}
# Log lines of a training step; an evaluation is logged with the same step, after a stop by the next start.
STEP = re.compile(r"metrics: step = (\d+)\n.*metrics: loss = ")


@dataclass
class Cluster:
    """The containers of one training job.

    Attributes:
        image: tag of the training image.
        folder: folder with one folder per host, which is mounted as /opt/ml.
        data: folder with the channels.
        network: name of the Docker network.
        hosts: names of the hosts.
        options: further options of docker run.
        stopped_at: step of the checkpoint of the last stop; 0 before the first stop.
    """

    image: str
    folder: Path
    data: Path
    network: str
    hosts: list[str]
    options: list[str] = field(default_factory=list)
    stopped_at: int = 0

    def paths(self, host: str) -> Paths:
        """Paths of a host."""
        return Paths(self.folder / host)

    def container(self, host: str) -> str:
        """Name of a host's container."""
        return f"{self.network}-{host}"

    def configure(self, processes: int) -> None:
        """Write hyperparameters.json and resourceconfig.json of each host."""
        values = HYPERPARAMETERS | {"processes_per_host": processes}
        for host in self.hosts:
            paths = self.paths(host)
            write_json(paths.hyperparameters, {name: str(value) for name, value in values.items()})
            write_json(paths.training_resource_config, {"current_host": host, "hosts": self.hosts})

    def start(self) -> None:
        """Start the containers."""
        self.remove()
        for host in self.hosts:
            docker(
                *("run", "--detach", "--name", self.container(host), "--network", self.network),
                *("--network-alias", host, "--env", "OMP_NUM_THREADS=1", *self.options),
                *("--volume", f"{self.folder / host}:/opt/ml", "--volume", f"{self.data}:/opt/ml/input/data:ro"),
                self.image,
            )

    def remove(self) -> None:
        """Remove the containers."""
        docker("rm", "--force", *map(self.container, self.hosts), check=False)

    def log(self, host: str) -> str:
        """Log of a host's container."""
        return docker("logs", self.container(host))

    def steps(self) -> list[int]:
        """The steps that have finished since the start."""
        return [int(step) for step in STEP.findall(self.log(self.hosts[0]))]

    def await_step(self) -> None:
        """Wait for the first step, and check that it is the one after the checkpoint."""
        deadline = time.monotonic() + START_LIMIT
        while not (steps := self.steps()):
            expect(time.monotonic() < deadline, f"no step in {START_LIMIT} s:\n{self.log(self.hosts[0])[-3000:]}")
            time.sleep(0.2)
        expect(steps[0] == self.stopped_at + 1, f"resumed with step {steps[0]} from the checkpoint {self.stopped_at}")

    def stop(self) -> float:
        """Stop all hosts at once and check their outputs; returns the seconds that the stop took."""
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
        """Check that the newest checkpoint is of the step `done`, the last that finished; returns its step."""
        checkpoint = store.newest(self.paths(self.hosts[0]).checkpoints)
        expect(checkpoint is not None, "there is no checkpoint")
        step = checkpoint.step if checkpoint else 0
        expect(step == done, f"the last finished step is {done}, the checkpoint is of step {step}")
        return step

    def check_host(self, host: str) -> None:
        """Check the exit status and the failure reason of a host."""
        status = docker("inspect", "--format", "{{.State.ExitCode}}", self.container(host))
        expect(status not in ("0", "137"), f"{host} ended with {status}")
        text = self.paths(host).failure.read_text()
        expect(text == f"interrupted, checkpoint at step {self.stopped_at}", f"the failure of {host} is {text!r}")

    def check_model(self) -> None:
        """Check that the model is marked as partial."""
        card = Card.read(self.paths(self.hosts[0]).model)
        expect(card.partial, "the model is not marked partial")

    def sync(self) -> None:
        """Copy the first host's checkpoints to the others, as S3 does between two starts."""
        source = self.paths(self.hosts[0]).checkpoints
        for host in self.hosts[1:]:
            subprocess.run(["cp", "--archive", f"{source}/.", str(self.paths(host).checkpoints)], check=True)


def docker(*arguments: str, check: bool = True) -> str:
    """Run docker; returns its output."""
    finished = subprocess.run(
        ["docker", *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    expect(not check or finished.returncode == 0, f"docker {arguments[0]}: {finished.stdout[-2000:]}")
    return finished.stdout.strip()


def expect(condition: bool, message: str) -> None:
    """Raise AssertionError with `message` unless `condition` holds."""
    if not condition:
        raise AssertionError(message)


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="python -m robustness.stops")
    parser.add_argument("--image", required=True, help="tag of the training image")
    models.add_option(parser)
    parser.add_argument("--stops", type=int, default=20, help="number of stops")
    parser.add_argument("--seed", type=int, default=0, help="seed of the moments of the stops")
    parser.add_argument("--docker-run", action="append", default=[], help="a further option of docker run")
    return parser.parse_args(arguments)


def main() -> int:
    """Run the stops and print their number and the longest; returns the exit status."""
    options = parse()
    model = models.locate_unless_scratch(options.model)
    moments, seconds = random.Random(options.seed), []
    with tempfile.TemporaryDirectory(prefix="stops-") as name:
        data = jobs.prepare(Path(name) / "prepared", ROWS, model) / "data"
        for i, (hosts, processes) in enumerate(SHAPES):
            names = [f"algo-{host + 1}" for host in range(hosts)]
            network = f"stops-{hosts}-{processes}"
            cluster = Cluster(options.image, Path(name) / network, data, network, names, options.docker_run)
            cluster.configure(processes)
            for duration in stops(cluster, options.stops // len(SHAPES) + (i < options.stops % len(SHAPES)), moments):
                seconds.append(duration)
                print(f"{hosts} hosts, {processes} processes: step {cluster.stopped_at}, {duration:.1f} s", flush=True)
            # Up to 2 GB of checkpoints of MiniLM-L6.
            shutil.rmtree(cluster.folder)
    print(f"{len(seconds)} of {options.stops} stops passed all checks; the longest took {max(seconds):.1f} s")
    return 0


def stops(cluster: Cluster, count: int, moments: random.Random) -> Iterator[float]:
    """Start and stop the job at a random moment `count` times, then start it once more; yields seconds of each stop."""
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
