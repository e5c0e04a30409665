"""An argument parser whose errors are sentences that say what to do."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

from studio.cli.columns import columns_of, wrapped
from studio.cli.language import tr
from studio.protocol import Sentence, sentence


class UsageError(Exception):
    """A usage error. `program` is the command that it concerns, such as `studio models add`."""

    def __init__(self, program: str, message: Sentence) -> None:
        super().__init__(str(message))
        self.program = program
        self.message = message


class Parser(argparse.ArgumentParser):
    """Raises `UsageError` instead of printing the usage and exiting."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options, add_help=False, formatter_class=_HelpFormatter)
        # argparse has no other way to name its groups.
        self._positionals.title = tr("positional arguments")
        self._optionals.title = tr("options")
        self.add_argument(
            "-h",
            "--help",
            action="help",
            default=argparse.SUPPRESS,
            help=tr("show this help message and exit"),
        )

    def error(self, message: str) -> NoReturn:
        raise UsageError(self.prog, _rephrase(message, self.prog))

    def parse(self, arguments: Sequence[str]) -> argparse.Namespace:
        """Parse the arguments of a call. Raises `UsageError`."""
        options, unknown = self.parse_known_args(arguments)
        if unknown:
            commands = (getattr(options, name, None) for name in ("command", "action"))
            program = " ".join([self.prog, *filter(None, commands)])
            raise UsageError(program, _are(unknown, _NOT_RECOGNISED))
        return options


class _HelpFormatter(argparse.HelpFormatter):
    """Breaks lines also between Chinese characters, by the columns that they take."""

    def add_usage(
        self,
        usage: str | None,
        actions: Iterable[argparse.Action],
        groups: Iterable[Any],
        prefix: str | None = None,
    ) -> None:
        super().add_usage(usage, actions, groups, tr("usage: ") if prefix is None else prefix)

    def _format_usage(
        self,
        usage: str | None,
        actions: Iterable[argparse.Action],
        groups: Iterable[Any],
        prefix: str | None,
    ) -> str:
        text = super()._format_usage(usage, actions, groups, prefix)
        start = prefix or ""
        # argparse aligns the lines below with the prefix by its characters.
        return text.replace("\n ", "\n " + " " * (columns_of(start) - len(start)))

    def _split_lines(self, text: str, width: int) -> list[str]:
        return wrapped(text, width)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return "\n".join(indent + line for line in wrapped(text, width - len(indent)))


def valid_text(argument: str) -> str:
    """Return an argument that is not a path: without the bytes that are not valid text."""
    return argument.encode("utf-8", "replace").decode()


_CHOICE = re.compile(r"argument (.+?): invalid choice: (.+) \(choose from (.+)\)")
_NOT_RECOGNISED = (
    sentence("{names} is not recognised."),
    sentence("{names} are not recognised."),
)
_MISSING = (sentence("{names} is missing."), sentence("{names} are missing."))


def _rephrase(message: str, program: str) -> Sentence:
    """Return a message of argparse about a call of `program` as a sentence."""
    if found := _CHOICE.match(message):
        name, given, choices = found.groups()
        names = one_of(_names(choices))
        match name:
            case "COMMAND":
                return sentence(
                    "{given} is not a command. Choose {names}.", given=given, names=names
                )
            case "ACTION":
                return sentence(
                    "{given} is not an action of `{program}`. Choose {names}.",
                    given=given,
                    program=program,
                    names=names,
                )
        return sentence(
            "{option} {value} is not valid: it must be {names}.",
            option=name,
            value=given,
            names=names,
        )
    if found := re.match(r"argument (.+): expected one argument", message):
        return sentence("{option} needs a value.", option=found[1])
    if found := re.match(r"argument (.+): invalid int value: (.+)", message):
        return sentence(
            "{option} {value} is not valid: it must be a whole number.",
            option=found[1],
            value=found[2],
        )
    if found := re.match(r"argument (.+): not allowed with argument (.+)", message):
        return sentence(
            "{first} and {last} cannot be used together.", first=found[1], last=found[2]
        )
    if found := re.match(r"one of the arguments (.+) is required", message):
        return sentence("Specify {names}.", names=one_of(found[1].split()))
    if found := re.match(r"the following arguments are required: (.+)", message):
        return _are(found[1].split(", "), _MISSING)
    return Sentence(message[:1].upper() + message[1:] + ".")


def one_of(names: Sequence[str]) -> str | Sentence:
    """Return names as a choice: "text, image or upscale"."""
    if len(names) == 1:
        return names[0]
    return sentence("{first} or {last}", first=", ".join(names[:-1]), last=names[-1])


def all_of(names: Sequence[str]) -> str | Sentence:
    """Return names as a list: "text, image and upscale"."""
    if len(names) == 1:
        return names[0]
    return sentence("{first} and {last}", first=", ".join(names[:-1]), last=names[-1])


def _are(names: Sequence[str], messages: tuple[Sentence, Sentence]) -> Sentence:
    """Return the first message about one name, or the second about several."""
    return Sentence(messages[len(names) > 1].template, {"names": all_of(names)})


def _names(text: str) -> list[str]:
    return [name.strip("' ") for name in text.split(",")]
