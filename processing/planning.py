"""Plans the job's query: columns, classes, splits and this host's share; reads all files where it must."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

import duckdb

from contract.card import MULTI_LABEL, REGRESSION, SINGLE_LABEL
from contract.failures import UserError
from contract.hosts import Hosts
from processing.exchange import Exchange
from processing.listings import Listings
from processing.option_checks import ratios
from processing.options import ProcessingOptions
from processing.reading.arrow_files import class_names
from processing.reading.columns import ChosenColumns, choose
from processing.reading.groups import readers
from processing.reading.label_values import derived_labels, list_labels, present_names, present_splits
from processing.reading.query import Plan
from processing.reading.reader import FileReader
from processing.reading.schema import describe
from processing.reading.source import SourceFile
from processing.rows import label_vectors
from processing.rows.given_splits import GivenSplits, by_files, given_splits
from processing.rows.labels import Labels, by_map, labels
from processing.rows.split import SPLITS

log = logging.getLogger(__name__)


def planned(
    connection: duckdb.DuckDBPyConnection,
    options: ProcessingOptions,
    files: Sequence[SourceFile],
    hosts: Hosts,
    exchange: Exchange,
    listings: Listings,
) -> Plan:
    """The plan of the query over `files`, the input files of this host.

    Args:
        exchange: gives what other hosts find in their files; of a single host where all hosts have the same files.
        listings: names of the files of all hosts.

    Raises:
        UserError: a column is missing, or labels are no classes.
    """
    columns = describe(connection, files[0]) if files else {}
    chosen = (
        choose(options, files[0], columns) if files else ChosenColumns(None, None, None, (), has_lists=lists(options))
    )
    texts = " and ".join(filter(None, (chosen.text or "none", chosen.pair)))
    log.info("text column %s, label column %s", texts, chosen.label or "none")
    is_divided = exchange.hosts.count == 1 and hosts.count > 1
    plan = Plan(
        options,
        chosen,
        label_rule(options, chosen.has_lists),
        ratios(options),
        host=hosts.index if is_divided else 0,
        hosts=hosts.count if is_divided else 1,
    )
    plan = replace(plan, given=given(connection, plan, files, exchange, listings))
    return with_labels(connection, plan, files, exchange)


def with_labels(
    connection: duckdb.DuckDBPyConnection, plan: Plan, files: Sequence[SourceFile], exchange: Exchange
) -> Plan:
    """The plan with classes, which are those of a ClassLabel, or derived from the data, if no option says them."""
    if plan.labels.names is not None:
        return plan
    # Names that an option gives are the same on every host.
    exchange = Exchange() if plan.options.label_names else exchange
    own = Own(bool(files), class_names(files, plan.chosen.label), plan.chosen.has_lists)
    names, has_lists = names_of_all(own, exchange)
    plan = replace(plan, chosen=replace(plan.chosen, has_lists=has_lists))
    if names is not None:
        log.info("%d labels, by the names of label column %s", len(names), plan.chosen.label)
        return replace(plan, labels=numbered_labels(plan, names))
    column = plan.chosen.label or "(--label-expression)"
    found = labels_by_values(readers(connection, plan, files), plan, column, exchange)
    log.info(
        "problem_type = %s: %d labels, by the values of column %s", found.problem_type, len(found.names or ()), column
    )
    refuse_classes(plan.options, found.problem_type)
    return replace(plan, labels=found)


class Own(NamedTuple):
    """What a host says of its label column: whether it has files at all, names of a ClassLabel, and lists."""

    has_files: bool
    names: Sequence[str] | None
    has_lists: bool


def names_of_all(own: Own, exchange: Exchange) -> tuple[tuple[str, ...] | None, bool]:
    """The names of a ClassLabel on all hosts with files, None if a host has none; whether there are lists of labels.

    Raises:
        UserError: hosts have different ones.
    """
    all_hosts = [Own(*values) for values in exchange.values("names of classes", own)]
    found = [host for host in all_hosts if host.has_files]
    if len({host.has_lists for host in found}) > 1:
        raise UserError("hosts have files with and without lists of labels; expected lists in all files or in none")
    has_lists = found[0].has_lists if found else own.has_lists
    names = [tuple(host.names) if host.names else None for host in found]
    if not names or None in names:
        return None, has_lists
    if len(set(names)) > 1:
        raise UserError("hosts have files with different names of classes, expected the same, or option --label-names")
    return names[0], has_lists


def numbered_labels(plan: Plan, names: tuple[str, ...]) -> Labels:
    """The rule for the numbers of a ClassLabel, or lists of them, whose own names are `names`.

    Raises:
        UserError: --label-names has another number of names.
    """
    given = plan.options.label_names
    if given is not None and len(given) != len(names):
        raise UserError(
            f"option --label-names has {len(given)} names, but label column {plan.chosen.label} has {len(names)} "
            "labels; expected as many"
        )
    if plan.chosen.has_lists:
        return label_vectors.by_lists(given or names, are_numbers=True)
    # Not by their names: that of one class may be the number of another.
    return by_map({str(number): number for number in range(len(names))}, names)


def labels_by_values(file_readers: Iterable[FileReader], plan: Plan, column: str, exchange: Exchange) -> Labels:
    """The label rule that the values of all files make; raises UserError where they are no labels.

    Args:
        column: names the labels in errors.
    """
    options = plan.options
    if plan.chosen.has_lists:
        return list_labels(file_readers, options.label_names, column, exchange)
    if options.label_delimiter is not None:
        names = present_names(file_readers, options.label_delimiter, column, exchange)
        return label_vectors.by_delimiter(names, options.label_delimiter)
    return derived_labels(file_readers, column, exchange, options.problem_type == SINGLE_LABEL)


def lists(options: ProcessingOptions) -> bool:
    """Whether options alone say that there are lists of labels, on a host without files."""
    return options.problem_type == MULTI_LABEL and not (options.label_delimiter or options.label_columns)


def label_rule(options: ProcessingOptions, has_lists: bool = False) -> Labels:
    """The label rule that `options` configure, of any problem type.

    Args:
        has_lists: whether the label column has lists, whose values decide on more.

    Raises:
        UserError: options contradict each other, or the lists.
    """
    if has_lists and options.label_delimiter:
        raise UserError("option --label-delimiter is set, but the label column has lists; expected one of both")
    if options.label_columns:
        found = label_vectors.by_columns(options.label_columns)
    elif has_lists:
        found = label_vectors.any_of_several()
    elif options.label_delimiter:
        names = options.label_names
        found = label_vectors.by_delimiter(names, options.label_delimiter) if names else label_vectors.any_of_several()
    elif options.problem_type == REGRESSION:
        found = label_vectors.numbers(options.label_names)
    else:
        found = labels(options)
    if options.problem_type not in ("auto", found.problem_type):
        raise UserError(
            f"option --problem-type is {options.problem_type}, but "
            f"{'the label column has lists, which' if has_lists else 'the other options'} make {found.problem_type}; "
            "expected --label-delimiter, --label-columns or a column of lists for several labels"
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
    connection: duckdb.DuckDBPyConnection,
    plan: Plan,
    files: Sequence[SourceFile],
    exchange: Exchange,
    listings: Listings,
) -> GivenSplits | None:
    """The splits of the input, on any host, that are kept; None if rows are assigned by hash."""
    options = plan.options
    present = by_files(options, listings.names())
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
