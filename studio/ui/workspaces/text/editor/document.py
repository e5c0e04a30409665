"""A text that is being edited, as it is kept in the library until a version of it is saved."""

from __future__ import annotations

import hashlib
import re
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from studio.library.recipes.edited_versions import DOCUMENT

MAX_TEXT = 1_000_000
"""Characters that the editor takes."""

_UNSAFE = re.compile(r"[^0-9A-Za-z_-]")


class DocumentEdit(Struct, frozen=True):
    """A proposal that was accepted, as a whole or in part: what was asked, and its result."""

    said: str
    asset: str = ""


class Document(Struct):
    """The text as it is typed. `source` is the asset that the next version is made from.

    `edits` are those since then. `is_saved` says that a version has this text. `form` has the
    labels of the result, `used` is the time of the last change in seconds since 1970.
    """

    id: str
    text: str = ""
    title: str = ""
    source: str = ""
    form: dict[str, str] = msgspec.field(default_factory=dict)
    edits: list[DocumentEdit] = msgspec.field(default_factory=list)
    versions: Annotated[int, Meta(ge=0)] = 0
    is_saved: bool = True
    used: float = 0.0


def document_id(asset: str, job: str) -> str:
    """Return the id of the document of a result: there is one for each, with all its versions."""
    if DOCUMENT.fullmatch(job):
        return job
    id = f"edit-{_UNSAFE.sub('-', asset)}"
    if DOCUMENT.fullmatch(id):
        return id
    return f"edit-{hashlib.sha256(asset.encode()).hexdigest()[:32]}"
