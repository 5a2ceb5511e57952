"""The text of --help from declared options, with each option as flags, hyperparameters or an environment variable."""

from __future__ import annotations

from collections.abc import Callable

from contract.options import Option, declared
from contract.values import describe


def as_flags(option: Option) -> str:
    """The option and its aliases as command line flags."""
    return ", ".join("--" + name.replace("_", "-") for name in (option.name, *option.aliases))


def as_hyperparameters(option: Option) -> str:
    """The option and its aliases as hyperparameters."""
    return ", ".join((option.name, *option.aliases))


def as_variable(option: Option) -> str:
    """The option's environment variable."""
    return option.variable or option.name


def help_text(cls: type, usage: str, spelled: Callable[[Option], str] = as_flags) -> str:
    """The text of --help: the options of `cls` by group, each with its names (by `spelled`), type and default."""
    lines = [usage]
    options = declared(cls)
    for group in dict.fromkeys(option.group for option in options):
        lines += ["", f"{group}:"]
        for option in options:
            if option.group == group:
                lines += help_lines(option, spelled)
    return "\n".join(lines) + "\n"


def help_lines(option: Option, spelled: Callable[[Option], str]) -> list[str]:
    """The two lines of an option in --help."""
    return [
        f"  {spelled(option)}",
        f"      {option.help} ({describe(option.kind)}; default: {option.default})",
    ]
