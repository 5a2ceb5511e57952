"""A second Docker engine that has no image yet, beside the one that the tests use."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from containers.engine import docker

START_SECONDS = 60
# Of its own: an engine that is told to have no bridge deletes the other engine's docker0.
BRIDGE, ADDRESS = "clean-engine", "192.168.213.1/24"


@contextmanager
def clean_engine() -> Iterator[str]:
    """Address of an engine of its own folder; skips the test where none can start."""
    if not (shutil.which("dockerd") and shutil.which("ip")) or os.getuid() != 0:
        pytest.skip("a second engine needs dockerd and ip, and root to start it")
    # Not below pytest's folder: a path of a socket has 107 bytes, and pytest keeps what would be gigabytes.
    with tempfile.TemporaryDirectory(prefix="engine-") as name, bridge():
        folder, host = Path(name), f"unix://{name}/docker.sock"
        log = folder / "log"
        with log.open("w") as output:
            daemon = subprocess.Popen(command(folder, host), stdout=output, stderr=output)
        try:
            if not answers(host, daemon):
                pytest.skip(f"a second engine does not start here: {log.read_text().strip().splitlines()[-1:]}")
            yield host
        finally:
            daemon.terminate()
            daemon.wait()


@contextmanager
def bridge() -> Iterator[None]:
    delete = ["ip", "link", "delete", BRIDGE]
    # One that a killed run left.
    subprocess.run(delete, capture_output=True, check=False)
    try:
        for arguments in (("link", "add", BRIDGE, "type", "bridge"), ("address", "add", ADDRESS, "dev", BRIDGE)):
            made = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
            if made.returncode != 0:
                pytest.skip(f"a second engine needs a bridge, which cannot be made: {made.stderr.strip()}")
        yield
    finally:
        subprocess.run(delete, capture_output=True, check=False)


def command(folder: Path, host: str) -> list[str]:
    """Nothing of the other engine is shared, neither its folders nor its bridge and its firewall rules."""
    folders = ["--data-root", f"{folder}/data", "--exec-root", f"{folder}/exec", "--pidfile", f"{folder}/pid"]
    return ["dockerd", "--host", host, *folders, f"--bridge={BRIDGE}", "--iptables=false"]


def answers(host: str, daemon: subprocess.Popen[bytes]) -> bool:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and daemon.poll() is None:
        if docker("--host", host, "version", "--format", "{{.Server.Version}}", check=False):
            return True
        time.sleep(0.2)
    return False
