"""Read the wildcards of a folder: text files with one value per line, and lists in JSON and YAML.

The folder may hold files of strangers. Only regular files within it are opened, links that lead
out of it are not followed, and large files are refused.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import msgspec

from studio.formats.text_encoding import decode
from studio.formats.untrusted_files import printable, read_start
from studio.protocol import ProblemError, problem

_MAX_BYTES = 10 * 2**20
_MAX_YAML_BYTES = 2**18
"""The parser of YAML takes up to three seconds for this."""
_FULL_FILES = 5
"""So many files of the largest size are read, or more that are smaller."""
_MAX_FILES = 10_000
_MAX_NODES = 100_000
"""Lists, objects and values in one JSON or YAML file."""


class Wildcards:
    """The wildcards of a folder, by their names: paths without a suffix, or keys of JSON and YAML.

    A file is read when it is first needed.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._texts: dict[str, Path] | None = None
        self._structured: list[Path] = []
        self._lists: dict[str, list[str]] | None = None
        self._values: dict[str, tuple[str, ...]] = {}
        self._bytes = 0
        self._list_bytes = {".json": 0, ".yaml": 0}

    def values(self, name: str) -> tuple[str, ...]:
        """Return the values of a wildcard, or of all that match a pattern such as `colors/*`.

        Without duplicates and sorted; never empty. Raises `ProblemError` (bad_input).
        """
        wanted = "/".join(filter(None, name.replace("\\", "/").split("/")))
        if wanted not in self._values:
            found = self._find(wanted)
            if found is None:
                found = self._find(f"*/{wanted}")
            if found is None:
                raise problem(
                    "bad_input",
                    "There is no wildcard {name}. Put its values into {path}, one per line.",
                    name=printable(wanted),
                    path=self._folder / printable(f"{wanted}.txt"),
                )
            if not found:
                raise problem(
                    "bad_input",
                    "The wildcard {name} has no values. Put them into {path}, one per line.",
                    name=printable(wanted),
                    path=self._folder / printable(f"{wanted}.txt"),
                )
            self._values[wanted] = tuple(sorted(set(found)))
        return self._values[wanted]

    def _find(self, pattern: str) -> list[str] | None:
        """Return the values of all wildcards that match, None if there are none."""
        if self._texts is None:
            self._texts = self._index()
        if pattern in self._texts:
            return self._read(self._texts[pattern])
        if self._lists is None:
            self._lists = {}
            for path in self._structured:
                self._lists.update(self._read_structured(path))
        found: list[str] | None = None
        for name, path in self._texts.items():
            if fnmatchcase(name, pattern):
                found = [*(found or []), *self._read(path)]
        for name, values in self._lists.items():
            if fnmatchcase(name, pattern):
                found = [*(found or []), *values]
        return found

    def _index(self) -> dict[str, Path]:
        """Return the text files by name, and note those with lists."""
        root = self._folder.resolve()
        texts: dict[str, Path] = {}
        count = 0
        for folder, folders, files in os.walk(root):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for file in sorted(files):
                path = Path(folder, file)
                count += 1
                if count > _MAX_FILES:
                    return texts
                if path.is_symlink() and not _is_within(path, root):
                    continue
                if path.suffix == ".txt":
                    texts[path.relative_to(root).with_suffix("").as_posix()] = path
                elif path.suffix in (".json", ".yaml"):
                    self._structured.append(path)
        return texts

    def _read(self, path: Path) -> list[str]:
        text = _text_of(path, min(_MAX_BYTES, _FULL_FILES * _MAX_BYTES - self._bytes))
        self._bytes += len(text)
        lines = (line.strip() for line in io.StringIO(text, newline=None))
        return [line for line in lines if line and not line.startswith("#")]

    def _read_structured(self, path: Path) -> dict[str, list[str]]:
        """Return the lists of a file by name. Nothing if they cannot be read."""
        most = _MAX_YAML_BYTES if path.suffix == ".yaml" else _MAX_BYTES
        left = _FULL_FILES * most - self._list_bytes[path.suffix]
        try:
            text = _text_of(path, min(most, left))
            self._list_bytes[path.suffix] += len(text)
            value = _yaml(text) if path.suffix == ".yaml" else msgspec.json.decode(text)
            at = path.parent.relative_to(self._folder.resolve()).parts
            return dict(_lists(value, at, path.stem))
        except (msgspec.DecodeError, ValueError, RecursionError, ProblemError):
            return {}


def _text_of(path: Path, most: int) -> str:
    """Return the text of a file of at most `most` bytes. Raises `ProblemError`."""
    try:
        data = read_start(path, most + 1)
    except OSError as error:
        raise problem(
            "bad_input",
            "The wildcard file {path} cannot be read: {reason}.",
            path=path,
            reason=error.strerror or str(error) or type(error).__name__,
        ) from error
    if len(data) > most:
        raise problem("bad_input", "The wildcard file {path} is too large.", path=path)
    decoded = decode(data)
    if decoded is None:
        raise problem(
            "bad_input",
            "The encoding of {path} is not recognised. Save it as UTF-8.",
            path=path,
        )
    return decoded.text


def _is_within(path: Path, root: Path) -> bool:
    try:
        return path.resolve().is_relative_to(root)
    except (OSError, RuntimeError):  # links in a circle
        return False


def _yaml(text: str) -> Any:
    """Return the value of YAML without aliases, which could multiply it. Raises `ValueError`."""
    try:
        import yaml
    except ImportError as error:
        raise ValueError("there is no parser of YAML") from error
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, Loader=loader)):
            raise ValueError("the file has aliases")
        return yaml.load(text, Loader=loader)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error


def _lists(value: Any, at: tuple[str, ...], stem: str) -> Iterator[tuple[str, list[str]]]:
    """Yield the lists within a value: a single one under the name of its file, others by keys."""
    if isinstance(value, list):
        yield "/".join((*at, stem)), _items(value)
        return
    left = [(at, value)]
    for _ in range(_MAX_NODES):
        if not left:
            return
        names, inner = left.pop()
        if isinstance(inner, dict):
            left += [((*names, key), part) for key, part in inner.items() if isinstance(key, str)]
        elif isinstance(inner, list | str) and inner:
            yield "/".join(names), _items(inner if isinstance(inner, list) else [inner])


def _items(values: list[Any]) -> list[str]:
    """Return the texts of a list, whose entries may be objects with a text and a weight."""
    texts = (
        value.get("text") or value.get("content") if isinstance(value, dict) else value
        for value in values
    )
    return [text for text in texts if isinstance(text, str) and text]
