"""Determines whether the input is sharded or replicated, from processingjobconfig.json, and which files a host has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from contract.failures import UserError
from contract.files import read_json
from contract.hosts import Hosts
from processing.options import ProcessingOptions
from processing.reading.source import SourceFile

SHARDED, REPLICATED = "ShardedByS3Key", "FullyReplicated"
# Share of the job's CPU time that every host spends on rows of the others, where rows are shared (docs/scaling.md).
READING_SHARE = 0.4


def whole_files(files: Sequence[SourceFile], hosts: Hosts) -> list[SourceFile] | None:
    """The files that this host reads whole, where no option needs the rows of all hosts; the same on every host.

    The largest file goes first, to the host with the fewest bytes so far (Graham 1969).

    Returns:
        None if sharing the rows of all files takes less time, since a few files have most of the bytes.
    """
    sizes = [file.path.stat().st_size for file in files]
    loads, owners = [0] * hosts.count, [0] * len(files)
    for place in sorted(range(len(files)), key=lambda place: (-sizes[place], place)):
        owners[place] = loads.index(min(loads))
        loads[owners[place]] += sizes[place]
    if max(loads) > sum(loads) * (READING_SHARE + (1 - READING_SHARE) / hosts.count):
        return None
    return [file for file, owner in zip(files, owners, strict=True) if owner == hosts.index]


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
