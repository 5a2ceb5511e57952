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
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from contract.failures import UserError
from contract.values import convert, describe

T = TypeVar("T")

# Least similarity (difflib's ratio) of a name that is proposed for an unknown one, and most names that a message lists.
PLAUSIBLE, MOST_NAMED = 0.7, 30
# The SDK and the tuner add these to every job's hyperparameters; they are not for us.
PLATFORM_PREFIXES = ("sagemaker_", "_tuning_objective_metric")


def option(
    default: Any,
    help: str,
    *,
    aliases: tuple[str, ...] = (),
    group: str = "options",
    variable: str | None = None,
) -> Any:
    """A dataclass field that is an option.

    Args:
        default: its value where nobody sets it. None says what `help` says it means.
        help: one sentence with the unit.
        aliases: other names it is known by, with underscores.
        group: heading in --help.
        variable: name in the environment, where it is read from there.
    """
    metadata = {"help": help, "aliases": aliases, "group": group, "variable": variable}
    return dataclasses.field(default=default, metadata=metadata)


@dataclass(frozen=True)
class Option:
    """One declared option, for parsers, --help and the contract's tables."""

    name: str
    kind: Any
    default: Any
    help: str
    aliases: tuple[str, ...]
    group: str
    variable: str | None

    @property
    def flag(self) -> str:
        return "--" + self.name.replace("_", "-")


def declared(cls: type) -> list[Option]:
    """The options that the dataclass `cls` declares, in order."""
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
    """Every name and alias, with the name that it stands for."""
    return {known: option.name for option in options for known in (option.name, *option.aliases)}


def from_mapping(cls: type[T], values: Mapping[str, Any], *, what: str = "hyperparameter") -> T:
    """An instance of `cls` from named values, as hyperparameters.json holds them.

    Raises:
        UserError: an unknown name (with the nearest known one), a name given twice under two
            spellings, or a value that is not of the declared type.
    """
    options = declared(cls)
    given = resolve(values, canonical_names(options), what)
    return cls(**typed(given, {option.name: option.kind for option in options}, what))


def resolve(values: Mapping[str, Any], names: Mapping[str, str], what: str) -> dict[str, tuple[str, Any]]:
    """`values` under canonical names, each with the spelling it came in."""
    given: dict[str, tuple[str, Any]] = {}
    for spelled, value in values.items():
        if spelled.startswith(PLATFORM_PREFIXES):
            continue
        name = names.get(spelled) or names.get(spelled.replace("-", "_"))
        if name is None:
            raise unknown(spelled, names, what)
        if name in given and not equal(given[name][1], value):
            raise UserError(f"{what} {spelled} is {value!r}, but {given[name][0]}, the same one, is {given[name][1]!r}")
        given[name] = (spelled, value)
    return given


def equal(first: Any, second: Any) -> bool:
    """Whether two values mean the same, as 2 and 2.0, or True and true."""
    try:
        return first == second or float(first) == float(second)
    except (TypeError, ValueError):
        return str(first).lower() == str(second).lower()


def typed(given: Mapping[str, tuple[str, Any]], kinds: Mapping[str, Any], what: str) -> dict[str, Any]:
    """What `resolve` returned, each value of its kind; a wrong one is named as it was spelled."""
    return {name: convert(value, kinds[name], f"{what} {spelled}") for name, (spelled, value) in given.items()}


def unknown(spelled: str, names: Iterable[str], what: str) -> UserError:
    """The error for a name that nobody declared, with the nearest that somebody did."""
    known = sorted(set(names))
    nearest = difflib.get_close_matches(spelled.replace("-", "_"), known, n=1, cutoff=PLAUSIBLE)
    expected = f"expected one of {', '.join(known)}" if len(known) <= MOST_NAMED else "--help lists the known ones"
    return UserError(f"unknown {what} {spelled}: {f'did you mean {nearest[0]}?' if nearest else expected}")


def from_environment(cls: type[T], environ: Mapping[str, str]) -> T:
    """An instance of `cls` from the variables its fields name. Unset and empty mean the default."""
    given = {
        option.name: convert(environ[option.variable], option.kind, option.variable)
        for option in declared(cls)
        if option.variable and environ.get(option.variable)
    }
    return cls(**given)


def from_flags(cls: type[T], arguments: Sequence[str]) -> T:
    """An instance of `cls` from command line flags.

    `--name value`, `--name=value`, dashes or underscores. A bool alone means true; a list takes
    one value (JSON or commas) or several. A flag given twice keeps the last.

    Raises:
        UserError: an unknown flag (with the nearest), a value missing or left over, or of
            another type.
    """
    options = {option.name: option for option in declared(cls)}
    names = canonical_names(options.values())
    given: dict[str, Any] = {}
    for flag, values in split_flags(arguments):
        name = names.get(flag[2:].replace("-", "_"))
        if name is None:
            raise unknown_flag(flag, names)
        given[name] = flag_value(flag, values, options[name].kind)
    return cls(**given)


def split_flags(arguments: Sequence[str]) -> list[tuple[str, list[str]]]:
    """`["--a", "1", "--b=2"]` as `[("--a", ["1"]), ("--b", ["2"])]`.

    Raises:
        UserError: the first argument is not a flag.
    """
    flags: list[tuple[str, list[str]]] = []
    for argument in arguments:
        if argument.startswith("--"):
            flag, equals, value = argument.partition("=")
            flags.append((flag, [value] if equals else []))
        elif flags:
            flags[-1][1].append(argument)
        else:
            raise UserError(f"argument {argument!r} is not a flag; expected --name value")
    return flags


def unknown_flag(flag: str, names: Iterable[str]) -> UserError:
    """Like `unknown`, with both names spelled as flags."""
    spelled = [name.replace("_", "-") for name in names]
    nearest = difflib.get_close_matches(flag[2:].replace("_", "-"), spelled, n=1, cutoff=PLAUSIBLE)
    hint = f"did you mean --{nearest[0]}?" if nearest else "--help lists the known ones"
    return UserError(f"unknown option {flag}: {hint}")


def flag_value(flag: str, values: list[str], kind: Any) -> Any:
    """The typed value of one flag from the arguments that follow it."""
    if not values and kind is bool:
        return True
    if not values:
        raise UserError(f"option {flag} has no value, expected {describe(kind)}")
    if len(values) == 1:
        return convert(values[0], kind, f"option {flag}")
    # A comma in a value of several stays in it: the shell has separated them already.
    if "list" not in describe(kind):
        raise UserError(f"option {flag} takes one value, got {len(values)}: {values}")
    return convert(values, kind, f"option {flag}")


def as_flags(option: Option) -> str:
    """How the option and its aliases are written on a command line."""
    return ", ".join("--" + name.replace("_", "-") for name in (option.name, *option.aliases))


def as_hyperparameters(option: Option) -> str:
    return ", ".join((option.name, *option.aliases))


def as_variable(option: Option) -> str:
    return option.variable or option.name


def help_text(cls: type, usage: str, spelled: Callable[[Option], str] = as_flags) -> str:
    """The options of `cls` for --help: grouped, each as it is spelled, with type and default."""
    lines = [usage]
    options = declared(cls)
    for group in dict.fromkeys(option.group for option in options):
        lines += ["", f"{group}:"]
        for option in options:
            if option.group == group:
                lines += help_lines(option, spelled)
    return "\n".join(lines) + "\n"


def help_lines(option: Option, spelled: Callable[[Option], str]) -> list[str]:
    return [
        f"  {spelled(option)}",
        f"      {option.help} ({describe(option.kind)}; default: {option.default})",
    ]
