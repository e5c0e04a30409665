"""What argparse has to say about a call, in words that say what to do."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from typing import NoReturn


class UsageError(Exception):
    """What is wrong with a call, and the command it was about (`studio models add`)."""

    def __init__(self, program: str, message: str) -> None:
        super().__init__(message)
        self.program = program


class Parser(argparse.ArgumentParser):
    """Raises `UsageError` where argparse would print its usage and leave."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(self.prog, plain(message, self.prog))

    def parse(self, arguments: Sequence[str]) -> argparse.Namespace:
        """Return the options of a call. Raises `UsageError` naming the command."""
        options, unknown = self.parse_known_args(arguments)
        if unknown:
            named = (getattr(options, name, None) for name in ("command", "action"))
            program = " ".join([self.prog, *(name for name in named if name)])
            does = "do" if len(unknown) > 1 else "does"
            raise UsageError(program, f"{_listed(unknown)} {does} not belong here.")
        return options


_CHOICE = re.compile(r"argument (.+?): invalid choice: (.+) \(choose from (.+)\)")


def plain(message: str, program: str) -> str:
    """Return argparse's message about a call of `program` as a sentence."""
    if found := _CHOICE.match(message):
        name, given, choices = found.groups()
        if name not in ("COMMAND", "ACTION"):
            return f"{name} {given} is not possible: it must be {_listed(_names(choices), 'or')}."
        what = "no command" if name == "COMMAND" else f"nothing that `{program}` does"
        return f"{given} is {what}. There are {_listed(_names(choices))}."
    if found := re.match(r"argument (.+): expected one argument", message):
        return f"{found[1]} needs a value."
    if found := re.match(r"argument (.+): invalid int value: (.+)", message):
        return f"{found[1]} {found[2]} is not possible: it must be a whole number."
    if found := re.match(r"argument (.+): not allowed with argument (.+)", message):
        return f"{found[1]} and {found[2]} do not go together."
    if found := re.match(r"one of the arguments (.+) is required", message):
        return f"Say which: {_listed(found[1].split(), 'or')}."
    if found := re.match(r"the following arguments are required: (.+)", message):
        missing = found[1].split(", ")
        return f"{_listed(missing)} {'are' if len(missing) > 1 else 'is'} missing."
    return message[:1].upper() + message[1:] + "."


def _names(text: str) -> list[str]:
    return [name.strip("' ") for name in text.split(",")]


def _listed(names: Sequence[str], last: str = "and") -> str:
    return f" {last} ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
