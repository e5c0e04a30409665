"""What is wrong with a text."""

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
    "word_banned",
    "too_long",
    "too_short",
    "point_missing",
    "term_missing",
    "sum_wrong",
]


class Finding(Struct, frozen=True):
    """What is wrong: `text` is what the draft says at `[start:end]`, or what it lacks."""

    kind: FindingKind
    text: str
    message: Sentence
    start: int
    end: int
