"""Plans the job's query: columns, classes, splits and this host's share; reads all files where it must."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

import duckdb

from contract.card import MULTI_LABEL, REGRESSION, SINGLE_LABEL
from contract.failures import UserError
from contract.hosts import Hosts
from processing.exchange import Exchange
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
    exchange: Exchange,
) -> Plan:
    """The plan of the query over `files`, the input files of this host.

    Args:
        exchange: gives what other hosts find in their files; of a single host where all hosts have the same files.

    Raises:
        UserError: a column is missing, or labels are no classes.
    """
    columns = describe(connection, files[0]) if files else {}
    chosen = choose(options, files[0], columns) if files else ChosenColumns(None, None, None, ())
    texts = " and ".join(filter(None, (chosen.text or "none", chosen.pair)))
    log.info("text column %s, label column %s", texts, chosen.label or "none")
    is_divided = exchange.hosts.count == 1 and hosts.count > 1
    plan = Plan(
        options,
        chosen,
        label_rule(options),
        ratios(options),
        host=hosts.index if is_divided else 0,
        hosts=hosts.count if is_divided else 1,
    )
    plan = replace(plan, given=given(connection, plan, files, exchange))
    return with_labels(connection, plan, files, exchange)


def with_labels(
    connection: duckdb.DuckDBPyConnection, plan: Plan, files: Sequence[SourceFile], exchange: Exchange
) -> Plan:
    """The plan with classes, which are those of a ClassLabel, or derived from the data, if no option says them."""
    if plan.labels.names is not None:
        return plan
    names = names_of_all(class_names(files, plan.chosen.label), bool(files), exchange)
    if names is not None:
        log.info("%d classes, by the names of label column %s", len(names), plan.chosen.label)
        return replace(plan, labels=labels(replace(plan.options, label_names=names)))
    column = plan.chosen.label or "(--label-expression)"
    if plan.labels.problem_type == MULTI_LABEL:
        names = present_names(readers(connection, plan, files), str(plan.options.label_delimiter), column, exchange)
        found = label_vectors.several(names, str(plan.options.label_delimiter))
    else:
        is_single = plan.options.problem_type == SINGLE_LABEL
        found = derived_labels(readers(connection, plan, files), column, exchange, is_single)
    log.info(
        "problem_type = %s: %d labels, by the values of column %s", found.problem_type, len(found.names or ()), column
    )
    refuse_classes(plan.options, found.problem_type)
    return replace(plan, labels=found)


def names_of_all(names: tuple[str, ...] | None, has_files: bool, exchange: Exchange) -> tuple[str, ...] | None:
    """The names of the classes of a ClassLabel on all hosts with files; None if a host has none.

    Raises:
        UserError: hosts have different ones.
    """
    found = [
        tuple(other) if other else None
        for is_there, other in exchange.values("names of classes", [has_files, names])
        if is_there
    ]
    if not found or None in found:
        return None
    if len(set(found)) > 1:
        raise UserError("hosts have files with different names of classes, expected the same, or option --label-names")
    return found[0]


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
    connection: duckdb.DuckDBPyConnection, plan: Plan, files: Sequence[SourceFile], exchange: Exchange
) -> GivenSplits | None:
    """The splits of the input, on any host, that are kept; None if rows are assigned by hash."""
    options = plan.options
    names = [file.name for file in files]
    if options.split_column is None and options.given_splits == "keep":
        names = [name for part in exchange.values("names of files", names) for name in part]
    present = by_files(options, names, exchange.hosts.count)
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
    if options.split_column is not None:
        present = present_splits(readers(connection, plan, files), exchange)
    found = given_splits(options, present)
    log.info(
        "splits of the input are kept: %s%s",
        ", ".join(SPLITS[index] for index in sorted(present)),
        f"; {found.validation_share:.0%} of train become validation" if found.validation_share else "",
    )
    return found
