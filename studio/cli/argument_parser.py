"""An argument parser whose errors are sentences that say what to do."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from typing import NoReturn


class UsageError(Exception):
    """A usage error. `program` is the command that it concerns, such as `studio models add`."""

    def __init__(self, program: str, message: str) -> None:
        super().__init__(message)
        self.program = program


class Parser(argparse.ArgumentParser):
    """Raises `UsageError` instead of printing the usage and exiting."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(self.prog, _rephrase(message, self.prog))

    def parse(self, arguments: Sequence[str]) -> argparse.Namespace:
        """Parse the arguments of a call. Raises `UsageError`."""
        options, unknown = self.parse_known_args(arguments)
        if unknown:
            commands = (getattr(options, name, None) for name in ("command", "action"))
            program = " ".join([self.prog, *filter(None, commands)])
            verb = "are" if len(unknown) > 1 else "is"
            raise UsageError(program, f"{_listed(unknown)} {verb} not recognised.")
        return options


def valid_text(argument: str) -> str:
    """Return an argument that is not a path: without the bytes that are not valid text."""
    return argument.encode("utf-8", "replace").decode()


_CHOICE = re.compile(r"argument (.+?): invalid choice: (.+) \(choose from (.+)\)")


def _rephrase(message: str, program: str) -> str:
    """Return a message of argparse about a call of `program` as a sentence."""
    if found := _CHOICE.match(message):
        name, given, choices = found.groups()
        if name not in ("COMMAND", "ACTION"):
            return f"{name} {given} is not valid: it must be {_listed(_names(choices), 'or')}."
        what = "a command" if name == "COMMAND" else f"an action of `{program}`"
        return f"{given} is not {what}. Choose {_listed(_names(choices), 'or')}."
    if found := re.match(r"argument (.+): expected one argument", message):
        return f"{found[1]} needs a value."
    if found := re.match(r"argument (.+): invalid int value: (.+)", message):
        return f"{found[1]} {found[2]} is not valid: it must be a whole number."
    if found := re.match(r"argument (.+): not allowed with argument (.+)", message):
        return f"{found[1]} and {found[2]} cannot be used together."
    if found := re.match(r"one of the arguments (.+) is required", message):
        return f"Specify {_listed(found[1].split(), 'or')}."
    if found := re.match(r"the following arguments are required: (.+)", message):
        missing = found[1].split(", ")
        return f"{_listed(missing)} {'are' if len(missing) > 1 else 'is'} missing."
    return message[:1].upper() + message[1:] + "."


def _names(text: str) -> list[str]:
    return [name.strip("' ") for name in text.split(",")]


def _listed(names: Sequence[str], last: str = "and") -> str:
    return f" {last} ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
