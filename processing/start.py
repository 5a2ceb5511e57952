"""Sets up a Job from its options (tokenizer, hosts, files), and reruns it without a fast library if ids differ."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

from contract.failures import UserError
from contract.hosts import Hosts
from contract.paths import Paths
from contract.tokenizer import locate
from processing import listings, memory
from processing.across_rows.first_texts import TooManyTextsError
from processing.batches import Padding
from processing.distribution import is_isolated, is_sharded, own_files
from processing.exchange import Exchange
from processing.job import Job
from processing.options import ProcessingOptions
from processing.reading import first_pass
from processing.reading.layout import forget_layouts, text_settings
from processing.reading.source import SourceFile, find
from processing.report.report_process import ReportProcess
from processing.rows.conditions import check_syntax
from processing.tokenizing import fast_encoder
from processing.tokenizing.padding import pad_id

log = logging.getLogger(__name__)


def run(options: ProcessingOptions, paths: Paths, reports: ReportProcess | None = None) -> Job:
    """Run a job; run it again with tokenizers alone after a difference, or with two passes after too many texts.

    Args:
        reports: as for `start`.

    Returns:
        The job, which has ended.

    Raises:
        UserError: as `start` and Job.run.
    """
    memory.keep_freed_memory()
    differences, sorts_on_disk = 0, False
    with Exchange(Hosts.read(paths.processing_resource_config), options.master_port) as exchange:
        while True:
            job = start(options, paths, exchange.again(), reports)
            job.differences, job.sorts_on_disk = differences, sorts_on_disk
            try:
                job.run(paths)
                return job
            except fast_encoder.DifferenceError:
                log.error("the fast library and tokenizers differ on a sampled row: restarting with tokenizers alone")
                options, differences = replace(options, tokenizer_backend="tokenizers"), 1
            except TooManyTextsError:
                log.warning(
                    "the keys of all texts need more memory than there is: restarting with a pass that uses the disk"
                )
                sorts_on_disk = True


def start(
    options: ProcessingOptions, paths: Paths, exchange: Exchange | None = None, reports: ReportProcess | None = None
) -> Job:
    """Create the job: locate the tokenizer, find the input files, and compare them with those of the other hosts.

    Args:
        exchange: of all hosts; none means that of the hosts in the job's configuration.
        reports: makes report.html; none means that this process does.

    Raises:
        UserError: there is no tokenizer or no input, this host is not in the job's configuration, or hosts do not have
            the files that the distribution of the input says.
    """
    if options.tokenizer is None:
        raise UserError("option --tokenizer is not set; expected a folder with tokenizer.json, or a model's name")
    check_syntax(options)
    exchange = exchange or Exchange(Hosts.read(paths.processing_resource_config), options.master_port)
    hosts, source = exchange.hosts, options.input or str(paths.processing_input)
    sharded = is_sharded(options, hosts, paths.processing_job_config, Path(source))
    isolated = is_isolated(paths.processing_job_config)
    with_listings = listings.are_exchanged(options, hosts, sharded, isolated)
    if with_listings:
        listings.connect(exchange, options, sharded)
    tokenizer = locate(options.tokenizer)
    files, skipped = found_files(options, source, hosts)
    found = listings.agreed(files, exchange, sharded) if with_listings else None
    own = None
    if hosts.count > 1 and not (sharded or first_pass.is_needed(options)):
        own = own_files(files, hosts)
    log.info("host %s of %d, %d input files", hosts.current, hosts.count, len(files))
    if own is not None:
        shared = sum(not file.share.is_whole for file in own)
        log.info("this host reads %d whole files, and its share of %d files", len(own) - shared, shared)
    padding = Padding(options.max_length, pad_id(tokenizer)) if options.padding == "max_length" else None
    # Hosts that have the same files need nothing of each other any more.
    exchange = exchange if sharded else Exchange()
    reports = reports or ReportProcess()
    return Job(options, hosts, tokenizer, files, skipped, sharded, padding, own, exchange, found, reports)


def found_files(options: ProcessingOptions, source: str, hosts: Hosts) -> tuple[list[SourceFile], list[str]]:
    """The input files of this host, and the names of skipped ones, which are logged.

    Raises:
        UserError: there are none; one of several hosts may have none.
    """
    # Those of an earlier job of this process.
    forget_layouts()
    files, skipped = find(source, options.file_name, text_settings(options))
    if skipped:
        log.warning(
            "%d files that are empty, of an unknown format, about data, or beside folders of texts are skipped: %s",
            len(skipped),
            ", ".join(skipped[:5]),
        )
    if not files and hosts.count == 1:
        raise UserError(f"input {source} has no file")
    return files, skipped
