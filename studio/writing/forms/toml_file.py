"""Read TOML files that people write by hand: what is wrong is said with its line."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import Struct

from studio.formats.untrusted_files import read_start
from studio.protocol import Sentence, sentence

MAX_BYTES = 2**18
_MAX_MESSAGE = 300

T = TypeVar("T")

_LINE = re.compile(r"\(at line (\d+), column \d+\)")
_DEEP_KEY = re.compile(r"^[ \t\[]*(?:[\w-]+[ \t]*\.[ \t]*){32}", re.MULTILINE)
"""The time that tomllib takes for a key grows with the square of its parts."""
_PATH = re.compile(r"\s*- at `\$(.*)`$")
_STEP = re.compile(r"\.([\w-]+)|\[(\d+|\.\.\.)\]")
_UNKNOWN = re.compile(r"contains unknown field `(.*?)`")
_MISSING = re.compile(r"missing required field `(.*?)`")


class BrokenFile(Struct, frozen=True):
    """A file that cannot be used, and why. `line` is 0 if it concerns the whole file."""

    path: Path
    line: int
    message: Sentence


def read_text(path: Path) -> str | BrokenFile:
    """Return the text of a TOML file, which is UTF-8."""
    try:
        data = read_start(path, MAX_BYTES + 1)
    except OSError as error:
        why = error.strerror or type(error).__name__
        return BrokenFile(path, 0, sentence("The file cannot be read ({why}).", why=why))
    if len(data) > MAX_BYTES:
        most = f"{MAX_BYTES // 1024:,}"
        return BrokenFile(path, 0, sentence("The file is larger than {most} KB.", most=most))
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return BrokenFile(path, line, sentence("The file is not UTF-8. Save it as UTF-8."))


def read_toml(path: Path, text: str, wanted: type[T]) -> T | BrokenFile:
    """Return the value that a TOML text says."""
    if deep := _DEEP_KEY.search(text):
        line = text.count("\n", 0, deep.start()) + 1
        return BrokenFile(path, line, sentence("A key has too many parts."))
    try:
        fields = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        found = _LINE.search(str(error))
        line = int(found[1]) if found else text.count("\n") + 1
        why = _LINE.sub("", str(error)).strip()[:_MAX_MESSAGE]
        return BrokenFile(path, line, sentence("This is not valid TOML: {why}.", why=why))
    try:
        return msgspec.convert(fields, wanted)
    except msgspec.ValidationError as error:
        return BrokenFile(path, *_explained(text, str(error)))


def line_of(text: str, steps: list[str | int]) -> int:
    """Return the line of a key in a TOML text, given as names and places in lists; 0 if unknown.

    A key that is missing has the line of the table that lacks it.
    """
    lines = text.split("\n")
    start, end, line = 0, len(lines), 0
    tables: list[str] = []
    for place, step in enumerate(steps):
        if isinstance(step, int):
            continue
        tables.append(step)
        number = steps[place + 1] if place + 1 < len(steps) else 0
        header = re.compile(rf"\s*\[\[?\s*{re.escape('.'.join(tables))}\s*\]\]?\s*(#.*)?$")
        key = re.compile(rf"\s*[\"']?{re.escape(step)}[\"']?\s*[=.]")
        headers = [n for n in range(start, end) if header.match(lines[n])]
        if headers:
            chosen = headers[number] if isinstance(number, int) and number < len(headers) else -1
            start = chosen if chosen >= 0 else headers[0]
            line = start + 1
            inside = rf"\s*\[\[?\s*{re.escape('.'.join(tables))}\s*\."
            end = next(
                (
                    n
                    for n in range(start + 1, end)
                    if re.match(r"\s*\[\[?[\w.\"' -]+\]\]?\s*(#.*)?$", lines[n])
                    and not re.match(inside, lines[n])
                ),
                end,
            )
            continue
        found = next((n for n in range(start, end) if key.match(lines[n])), None)
        if found is None:
            return line
        start, line = found, found + 1
    return line


def _explained(text: str, error: str) -> tuple[int, Sentence]:
    """Return line and message of an error of msgspec."""
    found = _PATH.search(error)
    steps: list[str | int] = []
    if found:
        for name, place in _STEP.findall(found[1]):
            steps.append(name or (int(place) if place.isdigit() else 0))
    what = _PATH.sub("", error)
    if unknown := _UNKNOWN.search(what):
        line = line_of(text, [*steps, unknown[1]])
        return line, sentence("The key {key} is not known.", key=unknown[1][:100])
    if missing := _MISSING.search(what):
        return line_of(text, steps), sentence("The key {key} is missing.", key=missing[1])
    key = ".".join(step for step in steps if isinstance(step, str)) or "?"
    message = sentence("{key}: {why}.", key=key, why=what.rstrip(".")[:_MAX_MESSAGE])
    return line_of(text, steps), message
