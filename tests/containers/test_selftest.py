"""The self-test of each image, without a network."""

from __future__ import annotations

import subprocess

import pytest

pytestmark = pytest.mark.both_bases

CHECKS = {
    "processing": {"cores", "memory", "shared memory", "processing"},
    "training": {"shared memory", "GPU", "bf16", "NCCL", "gloo", "training and resuming"},
    "inference": {"shared memory", "GPU", "bf16", "serving"},
}
# Checks that may be absent on a host.
OPTIONAL = {"GPU", "bf16", "NCCL", "disk at /opt/ml"}


def selftest(image: str, *options: str) -> subprocess.CompletedProcess[str]:
    command = ["docker", "run", "--rm", "--network", "none", *options, image, "selftest"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def outcomes(table: str) -> dict[str, str]:
    """The outcome of each check, by its name."""
    lines = table.partition("self-test of ")[2].splitlines()[1:-1]
    found = {}
    for line in lines:
        for outcome in ("ok", "failed", "absent"):
            name, separator, _ = line.partition(f"  {outcome}  ")
            if separator:
                found[name.strip()] = outcome
    return found


@pytest.mark.parametrize("name", list(CHECKS))
def test_all_checks_pass_without_a_network(images: dict[str, str], name: str) -> None:
    finished = selftest(images[name])
    assert finished.returncode == 0, finished.stdout + finished.stderr
    found = outcomes(finished.stdout)
    assert CHECKS[name] <= set(found)
    assert all(outcome == "ok" for check, outcome in found.items() if check not in OPTIONAL)


def test_a_disk_that_is_not_writable_is_reported(images: dict[str, str]) -> None:
    finished = selftest(images["processing"], "--read-only")
    assert finished.returncode == 1
    found = outcomes(finished.stdout)
    assert (found["disk for temporary files"], found["processing"], found["cores"]) == ("failed", "failed", "ok")
