"""Docker client, and waiting for a condition, for fixtures and tests."""

from __future__ import annotations

import shutil
import subprocess
import time
from urllib.error import URLError
from urllib.request import urlopen


def docker(*arguments: str, check: bool = True) -> str:
    finished = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)
    if check and finished.returncode:
        raise AssertionError(f"docker {' '.join(arguments)}: {finished.stderr}")
    return finished.stdout.strip()


def no_engine() -> str | None:
    """Why containers cannot run on this machine, or None."""
    if not shutil.which("docker"):
        return "no docker client on PATH"
    if not docker("version", "--format", "{{.Server.Version}}", check=False):
        return "no Docker engine answers"
    return None


def wait_for(url: str, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            with urlopen(url, timeout=1):
                return
        except (URLError, OSError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
