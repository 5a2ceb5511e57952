"""Set-up of a job from its options: tokenizer, hosts, input files; a second run without tokie if it differs."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

from contract.failures import UserError
from contract.hosts import Hosts
from contract.paths import Paths
from contract.tokenizer import locate
from processing import memory
from processing.batches import Fill
from processing.distribution import is_sharded
from processing.job import Job
from processing.options import ProcessingOptions
from processing.reading import first_pass
from processing.reading.source import find
from processing.tokenizing import tokie_encoder
from processing.tokenizing.padding import pad_id

log = logging.getLogger(__name__)


def run(options: ProcessingOptions, paths: Paths) -> None:
    """Run the job that `options` ask for; again, and slower, where the fast path proves wrong.

    Raises:
        UserError: as `start` and Job.run.
    """
    memory.keep_freed_memory()
    job = start(options, paths)
    try:
        job.run(paths)
    except tokie_encoder.DifferenceError:
        log.error("tokie and tokenizers differ on a sampled row: starting again with the tokenizers library alone")
        job = start(replace(options, tokenizer_backend="tokenizers"), paths)
        job.differences = 1
        job.run(paths)


def start(options: ProcessingOptions, paths: Paths) -> Job:
    """The job that `options` ask for, with everything found that it needs.

    Raises:
        UserError: no tokenizer, no input, or no host of ours in the job's configuration.
    """
    if options.tokenizer is None:
        raise UserError("option --tokenizer is not given; expected a folder with tokenizer.json, or a model's name")
    tokenizer = locate(options.tokenizer)
    hosts = Hosts.read(paths.processing_resource_config)
    place = options.input or str(paths.processing_input)
    files, passed_over = find(place, options.file_name)
    if passed_over:
        log.warning(
            "%d files that are empty or of no known format are skipped: %s",
            len(passed_over),
            ", ".join(passed_over[:5]),
        )
    if not files and hosts.count == 1:
        raise UserError(f"input {place} holds no file")
    sharded = is_sharded(options, hosts, paths.processing_job_config, Path(place))
    if sharded and hosts.count > 1:
        check_sharded(options, hosts)
    log.info("host %s of %d, %d input files", hosts.current, hosts.count, len(files))
    fill = Fill(options.max_length, pad_id(tokenizer)) if options.padding == "max_length" else None
    return Job(options, hosts, tokenizer, files, passed_over, sharded, fill)


def check_sharded(options: ProcessingOptions, hosts: Hosts) -> None:
    """What several hosts that see only their own files can and cannot do.

    Raises:
        UserError: an option needs a look at all rows.
    """
    if first_pass.wants_cuts(options):
        name = "--balance" if options.max_rows is None else f"--max-rows {options.max_rows}"
        raise UserError(
            f"option {name} is given, but input is sharded over {hosts.count} hosts, none of which "
            "sees all rows; expected replicated input"
        )
    if options.drop_duplicates:
        log.warning("input is sharded: duplicates on different hosts stay; replicated input drops them too")
