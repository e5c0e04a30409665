"""Whether a person has reviewed a result, and what they decided."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias, get_args

from msgspec import Struct

ReviewState: TypeAlias = Literal["draft", "needs_review", "approved", "rejected"]
STATES: tuple[ReviewState, ...] = get_args(ReviewState)

REVIEW_LABEL, REVIEW_REQUIRED = "review", "required"
"""The label of results that a person must review."""

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


def review_state(review: Review | None, labels: Mapping[str, str]) -> str:
    """Return the state of a result, "" if nobody asked for a review."""
    if review is not None and review.state:
        return review.state
    return "needs_review" if needs_review(labels) else ""
