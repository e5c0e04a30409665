"""Whether a person has reviewed a result, and what they decided."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias, get_args

from msgspec import Struct

ReviewState: TypeAlias = Literal["draft", "needs_review", "approved", "rejected"]
STATES: tuple[ReviewState, ...] = get_args(ReviewState)

REVIEW_LABEL, REVIEW_REQUIRED = "review", "required"
"""The label of results that a person must review."""

_MARKED = {"needs_review": "needs-review", "rejected": "rejected"}

MAX_REVIEWER, MAX_REMARK = 100, 2000
"""Characters."""


class Review(Struct, frozen=True):
    """A decision. `state` may be one that only another version knows; `date` is ISO 8601."""

    state: str
    reviewer: str = ""
    date: str = ""
    remark: str = ""


def needs_review(labels: Mapping[str, str]) -> bool:
    """Return whether a person must review a result with these labels."""
    return labels.get(REVIEW_LABEL) == REVIEW_REQUIRED


def marked_name(name: str, state: str) -> str:
    """Return the name of a copy outside of the library, which says what is not approved."""
    stem, dot, suffix = name.rpartition(".")
    if not (dot and stem):
        stem, dot, suffix = name, "", ""
    # It may have been decided since.
    for mark in _MARKED.values():
        stem = stem.removesuffix(f"-{mark}") or stem
    mark = _MARKED.get(state, "")
    return f"{stem}-{mark}{dot}{suffix}" if mark else f"{stem}{dot}{suffix}"


def review_state(review: Review | None, labels: Mapping[str, str]) -> str:
    """Return the state of a result, "" if nobody asked for a review."""
    if review is not None and review.state:
        return review.state
    return "needs_review" if needs_review(labels) else ""
