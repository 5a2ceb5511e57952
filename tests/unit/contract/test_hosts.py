import json
import socket
from pathlib import Path
from threading import Timer

import pytest

from contract.failures import UserError
from contract.hosts import Hosts, wait_until_listening


def write(path: Path, content: object) -> Path:
    path.write_text(json.dumps(content))
    return path


def test_no_file_means_one_host(tmp_path: Path) -> None:
    hosts = Hosts.read(tmp_path / "resourceconfig.json")
    assert (hosts.index, hosts.count) == (0, 1)


def test_every_host_computes_the_same_order(tmp_path: Path) -> None:
    names = ["algo-10", "algo-2", "algo-1"]
    indexes = {
        name: Hosts.read(write(tmp_path / "r.json", {"current_host": name, "hosts": names[i:] + names[:i]})).index
        for i, name in enumerate(names)
    }
    assert indexes == {"algo-1": 0, "algo-2": 1, "algo-10": 2}


@pytest.mark.parametrize(
    "content", [{"hosts": ["a"]}, {"current_host": "a"}, {"current_host": "b", "hosts": ["a"]}, [1]]
)
def test_a_broken_file_is_named(tmp_path: Path, content: object) -> None:
    with pytest.raises(UserError, match=r"r\.json.*expected"):
        Hosts.read(write(tmp_path / "r.json", content))


def test_a_host_is_waited_for_until_it_listens_or_the_time_is_over() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        port = server.getsockname()[1]
        with pytest.raises(OSError, match="refused"):
            wait_until_listening("127.0.0.1", port, 0.3)
        late = Timer(0.5, server.listen)
        late.start()
        wait_until_listening("127.0.0.1", port, 60)
        late.join()
