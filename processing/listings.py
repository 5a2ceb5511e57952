"""Listings: names and sizes of the input files of all hosts, compared, and numbered as one host would read them."""

from __future__ import annotations

import hashlib
import json
import logging
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

log = logging.getLogger(__name__)


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


def are_exchanged(options: ProcessingOptions, hosts: Hosts, sharded: bool, is_isolated: bool = False) -> bool:
    """Whether hosts exchange their listings.

    They do where an option needs the files of other hosts, and to compare them with the distribution that the job says,
    unless --input-distribution says it, or hosts may not reach each other.

    Args:
        is_isolated: whether the job is isolated from the network.
    """
    if hosts.count == 1:
        return False
    if sharded and (options.given_splits != "ignore" or options.split_column or first_pass.is_needed(options)):
        return True
    if is_isolated and options.input_distribution == "auto":
        log.warning("hosts do not compare their input files, since the job is isolated from the network")
    return options.input_distribution == "auto" and not is_isolated


def agreed(files: Sequence[SourceFile], exchange: Exchange, sharded: bool) -> Listings | None:
    """The listings of all hosts if each has files of its own (`sharded`); else None, and nothing more is exchanged.

    Raises:
        UserError: as `exchanged` and `compare`.
    """
    if sharded:
        return exchanged(files, exchange)
    compare(files, exchange)
    exchange.finish()
    return None


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


def connect(exchange: Exchange, options: ProcessingOptions, sharded: bool) -> None:
    """Connect the hosts before they look for files; raises NotConnectedError with options that need no connection."""
    try:
        exchange.connect()
    except NotConnectedError as error:
        if sharded and (first_pass.is_needed(options) or options.split_column is not None):
            raise
        needless = "sharded and --given-splits ignore" if sharded else "replicated"
        raise NotConnectedError(
            f"{error}; with --input-distribution {needless} hosts do not compare their files"
        ) from None


def listing(files: Sequence[SourceFile]) -> list[Listed]:
    """Name and size of each of `files`."""
    return [(file.name, file.size) for file in files]


def size(count: int | None) -> str:
    """The size of a file in words; None for a file that is not there."""
    return "missing" if count is None else f"{count} bytes"
