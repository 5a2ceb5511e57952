"""Plans the job's query: columns, classes, splits and this host's share; reads all files where it must."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

import duckdb

from contract.card import MULTI_LABEL, REGRESSION, SINGLE_LABEL
from contract.failures import UserError
from contract.hosts import Hosts
from processing.option_checks import ratios
from processing.options import ProcessingOptions
from processing.reading.arrow_files import class_names
from processing.reading.columns import ChosenColumns, choose
from processing.reading.groups import readers
from processing.reading.label_values import derived_labels, present_names, present_splits
from processing.reading.query import Plan
from processing.reading.schema import describe
from processing.reading.source import SourceFile
from processing.rows import label_vectors
from processing.rows.given_splits import GivenSplits, by_files, given_splits
from processing.rows.labels import Labels, labels
from processing.rows.split import SPLITS

log = logging.getLogger(__name__)


def planned(
    connection: duckdb.DuckDBPyConnection,
    options: ProcessingOptions,
    files: Sequence[SourceFile],
    hosts: Hosts,
    sharded: bool,
) -> Plan:
    """The plan of the query over `files`, the input files of this host.

    Raises:
        UserError: a column is missing, or hosts with files of their own would find other classes or splits.
    """
    columns = describe(connection, files[0]) if files else {}
    chosen = choose(options, files[0], columns) if files else ChosenColumns(None, None, None, ())
    texts = " and ".join(filter(None, (chosen.text or "none", chosen.pair)))
    log.info("text column %s, label column %s", texts, chosen.label or "none")
    is_divided = not sharded and hosts.count > 1
    plan = Plan(
        options,
        chosen,
        label_rule(options),
        ratios(options),
        host=hosts.index if is_divided else 0,
        hosts=hosts.count if is_divided else 1,
    )
    own_files = hosts.count if sharded else 1
    plan = replace(plan, given=given(connection, plan, files, own_files))
    return with_labels(connection, plan, files, own_files)


def with_labels(
    connection: duckdb.DuckDBPyConnection, plan: Plan, files: Sequence[SourceFile], sharded_hosts: int
) -> Plan:
    """The plan with classes, which are those of a ClassLabel, or derived from the data, if no option says them."""
    if plan.labels.names is not None:
        return plan
    names = class_names(files, plan.chosen.label)
    if names is not None:
        log.info("%d classes, by the names of label column %s", len(names), plan.chosen.label)
        return replace(plan, labels=labels(replace(plan.options, label_names=names)))
    if sharded_hosts > 1:
        raise UserError(
            "with sharded input the classes cannot be derived from the data, of which each host reads a part; "
            "expected --label-names, --label-threshold or --label-map"
        )
    column = plan.chosen.label or "(--label-expression)"
    if plan.labels.problem_type == MULTI_LABEL:
        names = present_names(readers(connection, plan, files), str(plan.options.label_delimiter), column)
        found = label_vectors.several(names, str(plan.options.label_delimiter))
    else:
        found = derived_labels(readers(connection, plan, files), column, plan.options.problem_type == SINGLE_LABEL)
    log.info(
        "problem_type = %s: %d labels, by the values of column %s", found.problem_type, len(found.names or ()), column
    )
    refuse_classes(plan.options, found.problem_type)
    return replace(plan, labels=found)


def label_rule(options: ProcessingOptions) -> Labels:
    """The label rule that `options` configure, of any problem type.

    Raises:
        UserError: options contradict each other.
    """
    if options.label_columns:
        found = label_vectors.by_columns(options.label_columns)
    elif options.label_delimiter:
        names = options.label_names
        found = label_vectors.several(names, options.label_delimiter) if names else label_vectors.any_of_several()
    elif options.problem_type == REGRESSION:
        found = label_vectors.numbers(options.label_names)
    else:
        found = labels(options)
    if options.problem_type not in ("auto", found.problem_type):
        raise UserError(
            f"option --problem-type is {options.problem_type}, but the other options make {found.problem_type}; "
            "expected --label-delimiter or --label-columns for several labels"
        )
    refuse_classes(options, found.problem_type)
    return found


def refuse_classes(options: ProcessingOptions, problem_type: str) -> None:
    """Raises UserError: an option is for classes, and labels are none."""
    if problem_type == SINGLE_LABEL:
        return
    for name, value in (
        ("--balance", options.balance),
        ("--upsample", options.upsample),
        ("--stratify", options.stratify),
        (f"--conflicts {options.conflicts}", options.conflicts != "keep"),
        ("--label-threshold", options.label_threshold is not None),
        ("--label-map", options.label_map is not None),
        ("--positive-where", options.positive_where is not None),
        ("--unlabelled", options.unlabelled),
    ):
        if value:
            raise UserError(f"option {name} is set, but problem_type is {problem_type}; expected one label of classes")


def given(
    connection: duckdb.DuckDBPyConnection, plan: Plan, files: Sequence[SourceFile], sharded_hosts: int
) -> GivenSplits | None:
    """The splits of the input that are kept; None if rows are assigned by hash.

    Args:
        sharded_hosts: number of hosts with files of their own; 1 if this host has all files.
    """
    options = plan.options
    present = by_files(options, [file.name for file in files], sharded_hosts)
    if options.split_column is None and not present:
        return None
    for name, value in (
        ("--stratify", options.stratify),
        ("--near-duplicate-rows group", options.near_duplicates is not None and options.near_duplicate_rows == "group"),
    ):
        if value:
            raise UserError(
                f"option {name} is set, but the splits of the input are kept; expected --given-splits ignore, or "
                f"{'--near-duplicate-rows drop' if 'near' in name else 'no --stratify'}"
            )
    if sharded_hosts > 1:
        if options.validation_ratio is None:
            raise UserError(
                "with sharded input each host sees splits of its own; expected --validation-ratio, the share of train "
                "that becomes validation (0 for none)"
            )
        # Another host may have rows of any split.
        present = frozenset(range(len(SPLITS)))
    elif options.split_column is not None:
        present = present_splits(readers(connection, plan, files))
    found = given_splits(options, present)
    log.info(
        "splits of the input are kept: %s%s",
        ", ".join(SPLITS[index] for index in sorted(present)),
        f"; {found.validation_share:.0%} of train become validation" if found.validation_share else "",
    )
    return found
