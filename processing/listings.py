"""Listings: names and sizes of the input files of all hosts, compared, and numbered as one host would read them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from contract.failures import UserError
from contract.hosts import Hosts
from processing.exchange import Exchange, NotConnectedError
from processing.options import ProcessingOptions
from processing.reading import first_pass
from processing.reading.source import SourceFile

# Name of a file, and its bytes as stored.
Listed = tuple[str, int]


@dataclass(frozen=True)
class Listings:
    """The input files of hosts that have files of their own, in the order in which each host reads them.

    Attributes:
        of_hosts: in the order of ranks; of this host alone where all hosts have the same files.
        host: rank of this host in `of_hosts`.
    """

    of_hosts: Sequence[Sequence[Listed]]
    host: int = 0

    @classmethod
    def of(cls, files: Sequence[SourceFile]) -> Listings:
        """Those of this host alone."""
        return cls([listing(files)])

    def names(self) -> list[str]:
        """The names of all files."""
        return [name for files in self.of_hosts for name, _ in files]

    def numbers(self) -> list[int]:
        """The number of each of this host's files among those of all hosts, in the order in which one host reads them.

        It increases from file to file.
        """
        ordered = sorted(
            (PurePosixPath(name).parts, host, place)
            for host, files in enumerate(self.of_hosts)
            for place, (name, _) in enumerate(files)
        )
        places = {(host, place): number for number, (_, host, place) in enumerate(ordered)}
        return [places[self.host, place] for place in range(len(self.of_hosts[self.host]))]


def are_exchanged(options: ProcessingOptions, hosts: Hosts, sharded: bool) -> bool:
    """Whether hosts exchange their listings.

    They do unless --input-distribution says what they have, and no option needs to know the files of other hosts.
    """
    if hosts.count == 1 or options.input_distribution == "auto":
        return hosts.count > 1
    names_splits = options.split_column is not None or options.given_splits != "ignore"
    return sharded and (names_splits or first_pass.is_needed(options))


def exchanged(files: Sequence[SourceFile], exchange: Exchange) -> Listings:
    """The listings of all hosts with files of their own, of which each has other files.

    Raises:
        UserError: two hosts have the same file, or a host is missing.
    """
    names = exchange.hosts.names
    found = [
        [(name, size) for name, size in files] for files in exchange.values("names of input files", listing(files))
    ]
    owners: dict[Listed, str] = {}
    for host, files_of_host in zip(names, found, strict=True):
        for file in files_of_host:
            if (other := owners.setdefault(file, host)) != host:
                raise UserError(
                    f"hosts {other} and {host} both have input file {file[0]} of {file[1]} bytes, but the input is "
                    "sharded by processingjobconfig.json or --input-distribution; expected each file on one host, or "
                    "--input-distribution replicated"
                )
    return Listings(found, exchange.hosts.index)


def compare(files: Sequence[SourceFile], exchange: Exchange) -> None:
    """Check that all hosts have the same files, by name and size.

    Raises:
        UserError: they have not, or a host is missing.
    """
    own = listing(files)
    digest = hashlib.sha256(json.dumps(own).encode()).digest()
    if len(set(exchange.all("digests of names of input files", digest))) == 1:
        return
    found = [dict(part) for part in exchange.values("names of input files", own)]
    first, host = found[0], next(host for host, files in enumerate(found) if files != found[0])
    name = min(name for name in {**first, **found[host]} if first.get(name) != found[host].get(name))
    one, other = exchange.hosts.names[0], exchange.hosts.names[host]
    raise UserError(
        f"hosts {one} and {other} have different input files ({name}: {size(first.get(name))} and "
        f"{size(found[host].get(name))}), but processingjobconfig.json says that each has all files; expected "
        "--input-distribution sharded, or the same files on all hosts"
    )


def connect(exchange: Exchange, options: ProcessingOptions) -> None:
    """Connect the hosts before they look for files; raises NotConnectedError with what would not need a connection."""
    try:
        exchange.connect()
    except NotConnectedError as error:
        if options.input_distribution != "auto":
            raise
        raise NotConnectedError(
            f"{error}; with --input-distribution replicated or sharded hosts do not compare their input files"
        ) from None


def listing(files: Sequence[SourceFile]) -> list[Listed]:
    """Name and size of each of `files`."""
    return [(file.name, file.size) for file in files]


def size(count: int | None) -> str:
    """The size of a file in words; None for a file that is not there."""
    return "missing" if count is None else f"{count} bytes"
