"""Hosts with files of their own find what one host finds in all files, or say which host is missing."""

from __future__ import annotations

import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any, TypeVar

import pytest
from unit.processing.jobs import Write, as_csv, everything, on_host, rejects, run, table

from contract.failures import UserError
from contract.hosts import Hosts
from contract.local_server import free_port
from processing import exchange
from processing.across_rows import compared_rows, occurrences
from processing.exchange import Exchange, NotConnectedError

# Addresses of this machine alone.
NAMES = ("127.0.0.1", "127.0.0.2", "127.0.0.3")
T = TypeVar("T")


@pytest.fixture
def port() -> int:
    return free_port()


def on_all(work: Callable[[int], T], hosts: int = 3) -> list[T]:
    with ThreadPoolExecutor(hosts) as pool:
        return list(pool.map(work, range(hosts)))


def test_every_host_gets_the_parts_of_all(port: int) -> None:
    def work(rank: int) -> list[list[Any]]:
        with Exchange(Hosts(NAMES[rank], NAMES), port) as hosts:
            found = [hosts.values("ranks", rank), hosts.all("bytes", b"x" * rank)]
            # A job that starts again on this host alone.
            again = hosts.again()
            found += [again.values("ranks", "other"), again.all("bytes", b"other"), again.values("more", [rank])]
            again.finish()
            return found

    part = [b"", b"x", b"xx"]
    assert on_all(work) == [[[0, 1, 2], part, [0, 1, 2], part, [[0], [1], [2]]]] * 3


def test_one_host_exchanges_nothing() -> None:
    with Exchange() as alone:
        assert alone.values("ranks", {"a": 1}) == [{"a": 1}]
        alone.finish()


def test_a_host_that_gives_nothing_is_named(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "PATIENCE_SECONDS", 0.1)
    monkeypatch.setattr(exchange, "FAREWELL_SECONDS", 0.0)
    is_over = Event()

    def work(rank: int) -> str:
        with Exchange(Hosts(NAMES[rank], NAMES), port) as hosts:
            hosts.connect()
            if rank:
                is_over.wait(60)
                return ""
            with pytest.raises(UserError) as caught:
                hosts.all("labels", b"")
            is_over.set()
            return str(caught.value)

    missing = "host 127.0.0.2 and 127.0.0.3 did not give its part of the labels within 0 s, expected all 3 hosts to run"
    assert on_all(work)[0] == missing


@pytest.mark.parametrize("missing", [0, 2])
def test_hosts_that_do_not_connect_are_named_on_every_other_host(
    port: int, monkeypatch: pytest.MonkeyPatch, missing: int
) -> None:
    monkeypatch.setattr(exchange, "MEETING_SECONDS", 3.0)

    def work(rank: int) -> str:
        if rank == missing:
            return ""
        with pytest.raises(UserError) as caught, Exchange(Hosts(NAMES[rank], NAMES), port) as hosts:
            hosts.all("labels", b"")
        return str(caught.value)

    for rank, error in enumerate(on_all(work)):
        if missing:
            named = f"host 127.0.0.3 did not connect to host 127.0.0.1 on port {port} within 3 s, expected all 3 hosts"
        else:
            named = f"host {NAMES[rank]} cannot reach host 127.0.0.1 on port {port} within 3 s: expected that host to"
        assert rank == missing or (error.startswith(named) and "\n" not in error)


def test_a_port_that_is_in_use_is_named(port: int) -> None:
    with socket.socket(socket.AF_INET6) as used:
        used.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        used.bind(("::", port))
        used.listen()
        words = f"^host 127.0.0.1 cannot listen on port {port}: expected a free port "
        with pytest.raises(NotConnectedError, match=words), Exchange(Hosts(NAMES[0], NAMES), port) as hosts:
            hosts.connect()


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ValueError("bad row"), "host 127.0.0.3 has failed, whose log says why"),
        (NotConnectedError("host 127.0.0.9 did not connect"), "host 127.0.0.9 did not connect"),
    ],
)
def test_hosts_do_not_wait_for_one_that_has_failed(port: int, error: Exception, told: str) -> None:
    def work(rank: int) -> str:
        with pytest.raises((UserError, ValueError)) as caught, Exchange(Hosts(NAMES[rank], NAMES), port) as hosts:
            hosts.all("names", b"")
            if rank == 2:
                raise error
            hosts.all("labels", b"")
        return str(caught.value)

    assert on_all(work) == [told, told, str(error)]


def rows_of(n: int) -> list[list[str]]:
    """Rows of which many have the same text, some of these with another label."""
    data = table(n)
    for place in range(0, n, 3):
        data[place][1] = f"the old film {place % 40}"
        data[place][2] = str(place % 2 + 4)
    return data


JOBS: dict[str, dict[str, Any]] = {
    "labels as text": {},
    "duplicates": {"drop_duplicates": True},
    "sample": {"max_rows": 100, "drop_duplicates": True},
    "balanced": {"label_threshold": 3, "balance": True},
    "upsampled": {"label_threshold": 4, "upsample": True},
    "stratified": {"label_threshold": 3, "stratify": True},
    "conflicts": {"label_threshold": 5, "conflicts": "majority"},
    "split column": {"split_column": "part"},
    "given splits": {"given_splits": "keep"},
    "names that name splits": {"given_splits": "auto"},
    "names of which one names no split": {"given_splits": "auto"},
    "groups of similar texts": {"label_threshold": 3, "near_duplicates": 0.5},
    "first of similar texts": {"label_threshold": 3, "near_duplicates": 0.6, "near_duplicate_rows": "drop"},
    "similar and equal texts": {"label_threshold": 3, "near_duplicates": 0.5, "drop_duplicates": True, "max_rows": 90},
}


@pytest.mark.parametrize(("name", "hosts"), [*((name, 3) for name in JOBS), *((name, 2) for name in list(JOBS)[-3:])])
def test_sharded_hosts_write_the_rows_of_one_host(
    written: Write,
    tmp_path: Path,
    wordpiece: Path,
    port: int,
    name: str,
    hosts: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(occurrences, "EXCHANGED_ROWS", 30)
    monkeypatch.setattr(compared_rows, "EXCHANGED_ROWS", 40)
    monkeypatch.setattr(compared_rows, "EXCHANGED_BYTES", 100)
    data = rows_of(300)
    # Small files of one host are read in one scan, between which lie those of others.
    for part in range(8):
        text = as_csv(data[part * 38 : part * 38 + 38])
        head, *lines = text.splitlines()
        if name == "split column":
            text = "\n".join([head + ",part", *(f"{line},{('train', 'test', 'dev')[part % 3]}" for line in lines)])
        prefix = ("train", "test")[part % 2] + "-" if "splits" in name or "names" in name else ""
        prefix = "" if part == 7 and "no split" in name else prefix
        written(f"in/{prefix}{part}.csv", text)
    options = {"tokenizer": str(wordpiece), "columns": ("id",), **JOBS[name]}
    one = run(tmp_path / "one", input=str(tmp_path / "in"), **options)

    def work(rank: int) -> dict[str, Any]:
        own = {**options, "master_port": port}
        return on_host(tmp_path / f"host-{rank}", tmp_path / "in", rank, hosts, "sharded", own, NAMES[:hosts])

    reports = on_all(work, hosts)
    found = [everything(tmp_path / f"host-{rank}") for rank in range(hosts)]
    expected = everything(tmp_path / "one")
    assert {split: sorted(row for part in found for row in part[split]) for split in expected} == expected
    for counts in ("kept", "read"):
        assert sum(report["rows"][counts] for report in reports) == one["rows"][counts]
    for reason, rows in one["rows"]["filtered"].items():
        assert sum(report["rows"]["filtered"].get(reason, 0) for report in reports) == rows
    assert [report.get("near_duplicates") for report in reports] == [one.get("near_duplicates")] * hosts
    assert all(rejects(tmp_path / f"host-{rank}") == [] for rank in range(hosts))
    assert "near_duplicates" not in options or one["near_duplicates"]["rows"] > 50


def test_a_host_without_files_finds_the_classes_of_the_others(
    written: Write, tmp_path: Path, wordpiece: Path, port: int
) -> None:
    folder = written("in/a.csv", as_csv(table(40))).parent
    options = {"tokenizer": str(wordpiece), "drop_duplicates": True, "master_port": port}

    def work(rank: int) -> list[str]:
        report = on_host(tmp_path / f"host-{rank}", folder, rank, 2, "sharded", options, NAMES[:2])
        return list(report["labels"]["train"])

    assert on_all(work, 2) == [["1", "2", "3", "4", "5"]] * 2
