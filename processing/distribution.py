"""Determines whether the input is sharded or replicated, from processingjobconfig.json, and which files a host has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from contract.failures import UserError
from contract.files import read_json
from contract.hosts import Hosts
from processing.options import ProcessingOptions
from processing.reading.arrow_files import column_names, needs_pyarrow
from processing.reading.scan import ROW_NUMBER
from processing.reading.shares import Share
from processing.reading.source import TEXTS, SourceFile

SHARDED, REPLICATED = "ShardedByS3Key", "FullyReplicated"
# Share of the job's CPU time that every host spends on rows of the others, where hosts divide them by hash.
READING_SHARE = 0.4
# Most bytes of a host, as a multiple of the mean, with which whole files are divided well enough.
MOST_LOAD = 1.1
# Least bytes, as stored, of a host's share of a file. Its parts have about a mebibyte each (reading/shares.py).
LEAST_SHARE = 4 * 1024 * 1024


def own_files(files: Sequence[SourceFile], hosts: Hosts) -> list[SourceFile] | None:
    """What this host reads of replicated input where no option needs the rows of all hosts: each row is one host's.

    Whole files, and of large files shares, where whole files alone would leave one host with more work than others.

    Returns:
        None if dividing the rows of all files by their hashes takes less time.
    """
    sizes = [file.size for file in files]
    mean = sum(sizes) / hosts.count
    owners, loads = whole_files(sizes, range(len(files)), hosts.count)
    shared: set[int] = set()
    if max(loads) > MOST_LOAD * mean:
        shared = {place for place, size in enumerate(sizes) if size > mean / 4 and can_be_shared(files[place], hosts)}
        owners, loads = whole_files(sizes, [place for place in range(len(files)) if place not in shared], hosts.count)
    most = max(loads) + sum(sizes[place] for place in shared) / hosts.count
    if most > sum(sizes) * (READING_SHARE + (1 - READING_SHARE) / hosts.count):
        return None
    share = Share(hosts.index, hosts.count)
    return [
        replace(file, share=share) if place in shared else file
        for place, file in enumerate(files)
        if place in shared or owners[place] == hosts.index
    ]


def whole_files(sizes: Sequence[int], places: Iterable[int], hosts: int) -> tuple[dict[int, int], list[int]]:
    """The host that reads each of the files at `places`, and the bytes of each host; the same on every host.

    The largest file goes first, to the host with the fewest bytes so far (Graham 1969).
    """
    loads, owners = [0] * hosts, dict[int, int]()
    for place in sorted(places, key=lambda place: (-sizes[place], place)):
        owners[place] = loads.index(min(loads))
        loads[owners[place]] += sizes[place]
    return owners, loads


def can_be_shared(file: SourceFile, hosts: Hosts) -> bool:
    """Whether each of several hosts can read a part of `file`, which is large enough for that.

    Raises:
        UserError: the file cannot be read.
    """
    if file.size < LEAST_SHARE * hosts.count or file.compression == TEXTS or file.format == "arrow":
        return False
    if file.format != "parquet":
        return True
    return not (needs_pyarrow(file) or ROW_NUMBER in map(str.lower, column_names(file)))


def is_sharded(options: ProcessingOptions, hosts: Hosts, job_config: Path, folder: Path) -> bool:
    """Whether each host has its own share of the files, rather than all of them.

    SageMaker writes the distribution type of an input only to processingjobconfig.json
    (ProcessingInputs[], as in the CreateProcessingJob API).

    Args:
        job_config: path of processingjobconfig.json; the file may be missing.
        folder: the input that the job reads.

    Raises:
        UserError: several hosts read an input whose distribution is not known. Hosts that assume another one than
            there is would lose rows, or write them several times.
    """
    if hosts.count == 1 or options.input_distribution != "auto":
        return options.input_distribution == "sharded"
    found = f"{job_config.name} is missing"
    if job_config.exists():
        kinds = distributions(read_json(job_config, "job configuration"), folder)
        if kinds in ({SHARDED}, {REPLICATED}):
            return kinds == {SHARDED}
        inputs = f"has inputs of {' and '.join(sorted(kinds))} there" if kinds else "does not name it"
        found = f"{job_config.name} {inputs}"
    raise UserError(
        f"input {folder} is read by {hosts.count} hosts, but {found}; "
        "expected --input-distribution replicated (each host has all files) or sharded (each has its own)"
    )


def is_isolated(job_config: Path) -> bool:
    """Whether the job is isolated from the network (EnableNetworkIsolation); `job_config` may be missing.

    SageMaker says of training jobs alone that their hosts reach each other nevertheless.
    """
    if not job_config.exists():
        return False
    config = read_json(job_config, "job configuration")
    network = config.get("NetworkConfig") if isinstance(config, dict) else None
    return isinstance(network, dict) and network.get("EnableNetworkIsolation") is True


def distributions(config: Any, folder: Path) -> set[str]:
    """Distribution types of the inputs of a CreateProcessingJob request from which files below `folder` can come.

    Their LocalPath is `folder`, a parent of it, or lies below it.
    """
    inputs = config.get("ProcessingInputs") if isinstance(config, dict) else None
    return {
        kind
        for entry in inputs or []
        for place, kind in places(entry)
        if folder.is_relative_to(place) or Path(place).is_relative_to(folder)
    }


def places(entry: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """LocalPath and distribution type of an entry of ProcessingInputs.

    The defaults are those of the API: an S3Input is replicated, the result of a query by Athena or Redshift
    (DatasetDefinition) is sharded.
    """
    for name, key, default in (
        ("S3Input", "S3DataDistributionType", REPLICATED),
        ("DatasetDefinition", "DataDistributionType", SHARDED),
    ):
        definition = entry.get(name) or {}
        if definition.get("LocalPath"):
            yield definition["LocalPath"], definition.get(key) or default
