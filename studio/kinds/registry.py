"""All kinds of work. To add one, write a module with a `KIND` and list it in `MODULES`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pathlib import PurePath
from typing import Any

from studio.formats import suffixes
from studio.kinds.kind import Kind, Medium
from studio.protocol import Request, UnknownRequest

MODULES = (
    "studio.kinds.text",
    "studio.kinds.image",
    "studio.kinds.upscale",
    "studio.kinds.speech",
    "studio.kinds.transcribe",
    "studio.kinds.describe",
    "studio.kinds.video",
    "studio.kinds.icon",
    "studio.kinds.film",
    "studio.kinds.clip",
    "studio.kinds.music",
)
"""In the order of the tabs."""

VARIABLE = "STUDIO_KINDS"
"""Environment variable with additional modules, separated by commas."""

AnyKind = Kind[Any]

_SUFFIXES = {
    Medium.TEXT: suffixes.TEXTS,
    Medium.PICTURE: suffixes.PICTURES,
    Medium.AUDIO: suffixes.AUDIO,
    Medium.VIDEO: suffixes.VIDEO,
}


@cache
def kinds() -> Mapping[str, AnyKind]:
    """Return all kinds by task, in the order of the tabs."""
    additional = (name.strip() for name in os.environ.get(VARIABLE, "").split(","))
    modules = [*MODULES, *filter(None, additional)]
    found: list[AnyKind] = [import_module(module).KIND for module in modules]
    return {kind.task: kind for kind in found}


def tasks() -> tuple[str, ...]:
    """Return the names of all kinds, in the order of the tabs."""
    return tuple(kinds())


def kind_of(request: Request) -> AnyKind:
    """Return a request's kind. Raises `KeyError` for an `UnknownRequest`."""
    return kinds()[request.task]


def known_kind(task: str) -> AnyKind | None:
    """Return the kind of a task, None if this version does not know it."""
    return kinds().get(task)


def kind_if_known(request: Request) -> AnyKind | None:
    """Return a request's kind, None for an `UnknownRequest`."""
    return None if isinstance(request, UnknownRequest) else known_kind(request.task)


def task_of_format(format: str) -> str:
    """Return the task of the models in a format."""
    return next(
        task
        for task, kind in kinds().items()
        if format in kind.formats or format in kind.companion_formats
    )


def prompted_kind(medium: Medium) -> AnyKind:
    """Return the first kind that produces a medium from a prompt."""
    return next(kind for kind in kinds().values() if kind.medium is medium and kind.has_prompt)


def medium_of_file(name: str) -> Medium | None:
    """Return the medium of a file by its suffix, None if unknown."""
    suffix = PurePath(name).suffix.lower()
    found = (medium for medium, known in _SUFFIXES.items() if suffix in known)
    return next(found, None)


def suffixes_of(medium: Medium) -> tuple[str, ...]:
    """Return the suffixes of a medium's files, in lower case."""
    return _SUFFIXES.get(medium, ())


def medium_of(task: str) -> Medium | None:
    """Return what a task produces, None if this version does not know the task."""
    kind = known_kind(task)
    return kind.medium if kind is not None else None
