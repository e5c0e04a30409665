"""What a text says other than its brief."""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec import Struct

from studio.protocol import Sentence

FindingKind: TypeAlias = Literal[
    "figure_changed",
    "figure_new",
    "direction_changed",
    "unit_changed",
    "date_changed",
    "date_new",
    "name_changed",
    "name_new",
]


class Finding(Struct, frozen=True):
    """What differs from the brief: `text` is what the draft says at `[start:end]`."""

    kind: FindingKind
    text: str
    message: Sentence
    start: int
    end: int
