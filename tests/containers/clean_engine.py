"""Starts a second Docker engine without images."""

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
# A separate bridge: an engine that is configured without a bridge deletes the other engine's docker0.
BRIDGE, ADDRESS = "clean-engine", "192.168.213.1/24"


@contextmanager
def clean_engine() -> Iterator[str]:
    """Address of the second engine; skips the test if it cannot start."""
    if not (shutil.which("dockerd") and shutil.which("ip")) or os.getuid() != 0:
        pytest.skip("a second engine needs dockerd and ip, and root to start it")
    # Not below pytest's folder: the path of a socket has at most 107 bytes, and pytest would keep gigabytes.
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
    # Left by a killed run.
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
    """The command line of dockerd, which shares neither folders nor bridge and firewall rules with the first engine."""
    folders = ["--data-root", f"{folder}/data", "--exec-root", f"{folder}/exec", "--pidfile", f"{folder}/pid"]
    return ["dockerd", "--host", host, *folders, f"--bridge={BRIDGE}", "--iptables=false"]


def answers(host: str, daemon: subprocess.Popen[bytes]) -> bool:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and daemon.poll() is None:
        if docker("--host", host, "version", "--format", "{{.Server.Version}}", check=False):
            return True
        time.sleep(0.2)
    return False
