"""Options declared once in a frozen dataclass, parsed from flags, hyperparameters or environment variables.

    @dataclass(frozen=True)
    class ProcessingOptions:
        max_length: int = option(512, "Longest row, in tokens.", aliases=("max_len",))

The field's name is the option's name: `--max-length` or `--max_length` as a flag, `max_length`
as a hyperparameter, its `variable` in the environment.
"""

from __future__ import annotations

import dataclasses
import difflib
import typing
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from contract.failures import UserError
from contract.values import convert, describe

T = TypeVar("T")

# Least similarity (difflib's ratio) of a name that an error proposes for an unknown one, and most names that it lists.
PLAUSIBLE, MOST_NAMED = 0.7, 30
# Prefixes of hyperparameters that the SageMaker SDK and the tuner add to every job; they are ignored.
PLATFORM_PREFIXES = ("sagemaker_", "_tuning_objective_metric")


def option(
    default: Any,
    help: str,
    *,
    aliases: tuple[str, ...] = (),
    group: str = "options",
    variable: str | None = None,
) -> Any:
    """Declare an option as a field of a dataclass.

    Args:
        default: value if the option is not set; what None means is stated in `help`.
        help: one sentence, with the unit.
        aliases: other accepted names, with underscores.
        group: heading in --help.
        variable: environment variable that sets the option, if there is one.
    """
    metadata = {"help": help, "aliases": aliases, "group": group, "variable": variable}
    return dataclasses.field(default=default, metadata=metadata)


@dataclass(frozen=True)
class Option:
    """A declared option, as parsers, --help and the tables of docs/contract.md use it."""

    name: str
    kind: Any
    default: Any
    help: str
    aliases: tuple[str, ...]
    group: str
    variable: str | None

    @property
    def flag(self) -> str:
        """The option as a command line flag."""
        return "--" + self.name.replace("_", "-")


def declared(cls: type) -> list[Option]:
    """The options that the dataclass `cls` declares, in the order of its fields."""
    kinds = typing.get_type_hints(cls)
    return [
        Option(
            field.name,
            kinds[field.name],
            None if field.default is dataclasses.MISSING else field.default,
            field.metadata.get("help", ""),
            tuple(field.metadata.get("aliases", ())),
            field.metadata.get("group", "options"),
            field.metadata.get("variable"),
        )
        for field in dataclasses.fields(cls)
        if field.init
    ]


def canonical_names(options: Iterable[Option]) -> dict[str, str]:
    """Mapping of every name and alias to the option's name."""
    return {known: option.name for option in options for known in (option.name, *option.aliases)}


def from_mapping(cls: type[T], values: Mapping[str, Any], *, what: str = "hyperparameter") -> T:
    """An instance of the options class `cls` from a mapping such as hyperparameters.json; `what` names it in errors.

    Raises:
        UserError: an unknown name (with the closest known one), two names of one option with different
            values, or a value that is not of the declared type.
    """
    options = declared(cls)
    resolved = resolve(values, canonical_names(options), what)
    return cls(**typed(resolved, {option.name: option.kind for option in options}, what))


def resolve(
    values: Mapping[str, Any], names: Mapping[str, str], what: str, meant: Mapping[str, str] | None = None
) -> dict[str, tuple[str, Any]]:
    """Mapping of option names to the name under which each was set and its value; `names` as from `canonical_names`.

    Raises:
        UserError: unknown names (each with what it is `meant` for, or the closest known one), or two names of one
            option with different values.
    """
    resolved: dict[str, tuple[str, Any]] = {}
    strange = []
    for spelled, value in values.items():
        if spelled.startswith(PLATFORM_PREFIXES):
            continue
        name = names.get(spelled) or names.get(spelled.replace("-", "_"))
        if name is None:
            strange.append(spelled)
        elif name in resolved and not equal(resolved[name][1], value):
            other, other_value = resolved[name]
            raise UserError(f"{what} {spelled} is {value!r}, but {other}, the same option, is {other_value!r}")
        else:
            resolved[name] = (spelled, value)
    if strange:
        raise unknown(strange, names, what, meant or {})
    return resolved


def equal(first: Any, second: Any) -> bool:
    """Whether two values mean the same, such as 2 and 2.0, or True and true."""
    try:
        return first == second or float(first) == float(second)
    except (TypeError, ValueError):
        return str(first).lower() == str(second).lower()


def typed(resolved: Mapping[str, tuple[str, Any]], kinds: Mapping[str, Any], what: str) -> dict[str, Any]:
    """The result of `resolve` with each value converted to the type in `kinds`; raises UserError for a wrong one."""
    return {name: convert(value, kinds[name], f"{what} {spelled}") for name, (spelled, value) in resolved.items()}


def unknown(spelled: Sequence[str], names: Iterable[str], what: str, meant: Mapping[str, str]) -> UserError:
    """The error for unknown names, each with what it is `meant` for or the closest known one."""
    known = sorted(set(names))
    expected = f"expected one of {', '.join(known)}" if len(known) <= MOST_NAMED else "--help lists the known ones"
    hints = {}
    for name in spelled:
        nearest = meant.get(name.replace("-", "_").lower()) or closest(name.replace("-", "_"), known)
        hints[name] = f"did you mean {nearest}?" if nearest else expected
    if len(hints) == 1:
        return UserError(f"unknown {what} {spelled[0]}: {hints[spelled[0]]}")
    return UserError(f"unknown {what}s {', '.join(f'{name} ({hint})' for name, hint in hints.items())}")


def closest(name: str, known: Sequence[str]) -> str | None:
    """The known name that `name` is most similar to, if any is plausible."""
    return next(iter(difflib.get_close_matches(name, known, n=1, cutoff=PLAUSIBLE)), None)


def from_environment(cls: type[T], environ: Mapping[str, str]) -> T:
    """An instance of the options class `cls` from environment variables; unset and empty ones mean the default."""
    values = {
        option.name: convert(environ[option.variable], option.kind, option.variable)
        for option in declared(cls)
        if option.variable and environ.get(option.variable)
    }
    return cls(**values)


def from_flags(cls: type[T], arguments: Sequence[str]) -> T:
    """An instance of the options class `cls` from command line flags.

    Flags are `--name value` or `--name=value`, with dashes or underscores. A bool without a value means
    true; a list takes one value (JSON, or separated by commas) or several. The last of repeated flags
    takes precedence.

    Raises:
        UserError: an unknown flag (with the closest known one), a missing or surplus value, or a value
            that is not of the declared type, or not UTF-8.
    """
    options = {option.name: option for option in declared(cls)}
    names = canonical_names(options.values())
    typed_values: dict[str, Any] = {}
    for flag, values in split_flags(arguments):
        name = names.get(flag[2:].replace("-", "_"))
        if name is None:
            raise unknown_flag(flag, names)
        typed_values[name] = flag_value(flag, values, options[name].kind)
    return cls(**typed_values)


def split_flags(arguments: Sequence[str]) -> list[tuple[str, list[str]]]:
    """Split arguments into flags and their values: `["--a", "1", "--b=2"]` to `[("--a", ["1"]), ("--b", ["2"])]`.

    Raises:
        UserError: the first argument is not a flag, or one is not UTF-8.
    """
    flags: list[tuple[str, list[str]]] = []
    for argument in arguments:
        # As Python has bytes that are not UTF-8. No file can be written with them.
        if any("\ud800" <= character <= "\udfff" for character in argument):
            raise UserError(f"argument {argument!r} is not UTF-8; expected UTF-8")
        if argument.startswith("--"):
            flag, equals, value = argument.partition("=")
            flags.append((flag, [value] if equals else []))
        elif flags:
            flags[-1][1].append(argument)
        else:
            raise UserError(f"argument {argument!r} is not a flag; expected --name value")
    return flags


def unknown_flag(flag: str, names: Iterable[str]) -> UserError:
    """The error for an unknown flag, with the closest declared flag."""
    nearest = closest(flag[2:].replace("_", "-"), [name.replace("_", "-") for name in names])
    return UserError(
        f"unknown option {flag}: {f'did you mean --{nearest}?' if nearest else '--help lists the known ones'}"
    )


def flag_value(flag: str, values: list[str], kind: Any) -> Any:
    """Convert the arguments that follow a flag to its type; raises UserError if there are none, or too many."""
    if not values and kind is bool:
        return True
    if not values:
        raise UserError(f"option {flag} has no value, expected {describe(kind)}")
    if len(values) == 1:
        return convert(values[0], kind, f"option {flag}")
    # Several values are separated already, so commas within one are kept.
    if "list" not in describe(kind):
        raise UserError(f"option {flag} takes one value, got {len(values)}: {values}")
    return convert(values, kind, f"option {flag}")
