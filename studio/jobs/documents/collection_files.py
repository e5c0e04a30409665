"""The files of a collection: which were read, when, and which have changed since."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

from msgspec import Struct

from studio.jobs.documents.gather import document_files, read_documents, stamp_of
from studio.library.documents.passage_index import PassageIndex
from studio.protocol import Problem, ProblemError


class CollectionFile(Struct, frozen=True):
    """A document of a collection; `name` is its path below the folder.

    `place` and `parts` say how long it was when it was read, `read` when that was (ISO 8601, UTC).
    """

    name: str
    state: Literal["new", "read", "changed", "unreadable"]
    place: str = ""
    parts: int = 0
    read: str = ""
    problem: Problem | None = None
    stamp: str = ""
    """What changes when the file is changed."""


def collection_files(
    folder: Path, index: PassageIndex, before: Sequence[CollectionFile] = ()
) -> tuple[CollectionFile, ...]:
    """Return the documents in a folder and below it, without reading them.

    Of those of `before` that could not be read and have not changed, it says so again. Raises
    `ProblemError` if there is none, or too many, or no folder.
    """
    wrong = {(file.name, file.stamp): file for file in before if file.state == "unreadable"}
    found = (_file(path, folder, index) for path in document_files([folder]))
    return tuple(wrong.get((file.name, file.stamp), file) for file in found)


def update_files(
    folder: Path,
    known: Sequence[CollectionFile],
    index: PassageIndex,
    report: Callable[[int, CollectionFile], object] = lambda _place, _file: None,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> tuple[CollectionFile, ...]:
    """Read those that are new or have changed. Blocks for long; `report` gets each when it is read.

    What cannot be read says why. Those that were not reached when it is cancelled stay as they are.
    """
    found = list(known)
    for place, file in enumerate(known):
        if file.state in ("read", "unreadable") or is_cancelled():
            continue
        path = folder / file.name
        try:
            gathered = read_documents([path], index, is_cancelled=is_cancelled)
            wrong = gathered.problems[0] if gathered.problems else None
        except ProblemError as error:
            wrong = error.problem
        if wrong is not None and wrong.kind == "cancelled":
            break
        found[place] = (
            _file(path, folder, index)
            if wrong is None
            else CollectionFile(file.name, "unreadable", problem=wrong, stamp=_stamp(path))
        )
        report(place, found[place])
    return tuple(found)


def _file(path: Path, folder: Path, index: PassageIndex) -> CollectionFile:
    name, stamp = os.path.relpath(path, folder), _stamp(path)
    known = index.known_file(str(path))
    if known is None:
        return CollectionFile(name, "new", stamp=stamp)
    state: Literal["read", "changed"] = "read" if stamp == known.stamp else "changed"
    return CollectionFile(name, state, known.place, known.parts, known.read, stamp=stamp)


def _stamp(path: Path) -> str:
    try:
        return stamp_of(path)
    except OSError:
        return ""
