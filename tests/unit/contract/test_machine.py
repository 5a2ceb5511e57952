"""Cores and memory of a container, from its cgroup."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from contract.machine import free_memory, gpus, memory, threads


@pytest.mark.parametrize(("quota", "expected"), [("100000 100000", 1), ("50000 100000", 1), ("max 100000", None)])
def test_threads_are_those_of_the_quota(tmp_path: Path, quota: str, expected: int | None) -> None:
    (tmp_path / "cpu.max").write_text(quota + "\n")
    assert threads(tmp_path) == (expected or len(os.sched_getaffinity(0)))


def test_threads_are_those_of_the_quota_of_the_first_cgroups(tmp_path: Path) -> None:
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text("100000\n")
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000\n")
    assert threads(tmp_path) == 1
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text("-1\n")
    assert threads(tmp_path) == len(os.sched_getaffinity(0))


def test_threads_without_a_cgroup(tmp_path: Path) -> None:
    assert threads(tmp_path) == len(os.sched_getaffinity(0))


def test_memory_is_the_limit(tmp_path: Path) -> None:
    whole = memory(tmp_path)
    assert whole > 2**28
    (tmp_path / "memory.max").write_text("max\n")
    assert memory(tmp_path) == whole
    (tmp_path / "memory.max").write_text("600000000\n")
    assert memory(tmp_path) == 600_000_000


def write(folder: Path, **files: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)
    return folder


@pytest.fixture
def meminfo(tmp_path: Path) -> Path:
    (tmp_path / "meminfo").write_text("MemTotal: 9000 kB\nMemAvailable:    8000 kB\nHugePages: 0\n")
    return tmp_path / "meminfo"


def test_without_a_limit_it_is_the_machines_memory(tmp_path: Path, meminfo: Path) -> None:
    assert free_memory(tmp_path / "none", meminfo) == 8_000 * 1024
    write(tmp_path / "group", memory__max="max\n", memory__current="100\n")
    assert free_memory(tmp_path / "group", meminfo) == 8_000 * 1024


def test_a_containers_limit_counts_and_what_it_has_of_files_does_not(tmp_path: Path, meminfo: Path) -> None:
    second = write(
        tmp_path / "two", memory__max="1000\n", memory__current="900\n", memory__stat="anon 1\ninactive_file 50\n"
    )
    assert free_memory(second, meminfo) == 150
    (tmp_path / "one").mkdir()
    write(
        tmp_path / "one" / "memory",
        memory__limit_in_bytes="2000\n",
        memory__usage_in_bytes="1500\n",
        memory__stat="inactive_file 7\ntotal_inactive_file 70\n",
    )
    assert free_memory(tmp_path / "one", meminfo) == 570


def test_gpus_are_those_that_the_driver_lists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    tool = tmp_path / "nvidia-smi"
    tool.write_text('#!/bin/sh\ntest "$1" = --query-gpu=index,name && printf "0, A10G\\n1, A10G\\n"\n')
    tool.chmod(0o755)
    assert gpus("index", "name") == ["0, A10G", "1, A10G"]
    tool.write_text("#!/bin/sh\necho No devices were found\n")
    assert gpus("index") == []
    tool.write_text("#!/bin/sh\necho no devices\nexit 9\n")
    assert gpus("index", "name") == []
