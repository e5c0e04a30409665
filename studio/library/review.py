"""Whether a person has reviewed a result, and what they decided."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, TypeAlias, get_args

from msgspec import Struct

from studio.protocol import Sentence, sentence

ReviewState: TypeAlias = Literal["draft", "needs_review", "approved", "rejected"]
STATES: tuple[ReviewState, ...] = get_args(ReviewState)

REVIEW_LABEL, REVIEW_REQUIRED = "review", "required"
"""The label of results that a person must review."""

MAX_REVIEWER, MAX_REMARK = 100, 2000
"""Characters."""
_LONGEST_STATE = 40


class Review(Struct, frozen=True):
    """A decision. `state` may be one that only another version knows; `date` is ISO 8601."""

    state: str
    reviewer: str = ""
    date: str = ""
    remark: str = ""


def needs_review(labels: Mapping[str, str]) -> bool:
    """Return whether a person must review a result with these labels."""
    return labels.get(REVIEW_LABEL) == REVIEW_REQUIRED


class ReviewMark(Struct, frozen=True):
    """What a result says of itself outside of the library.

    `name` is for file names, `note` stands in front of a text, `about` is said of any other result.
    """

    name: str
    note: Sentence
    about: Sentence


def mark_of(state: str) -> ReviewMark | None:
    """Return the mark that a result in this state of review needs, None if it needs none.

    Whatever leaves the library asks this: copies, exports, the clipboard, what is dragged.
    """
    if state in ("", "approved"):
        return None
    if state == "draft":
        return ReviewMark("draft", sentence("This is a draft."), sentence("It is a draft."))
    if state == "rejected":
        return ReviewMark(
            "rejected",
            sentence("This text was rejected in review."),
            sentence("It was rejected in review."),
        )
    if state == "needs_review":
        return ReviewMark(
            "needs-review",
            sentence("Not reviewed yet: a person must review this text before it is used."),
            sentence("A person must review it before it is used."),
        )
    # Of another version, which need not be an approval.
    said = sentence("State of its review: {state}", state=state[:_LONGEST_STATE])
    return ReviewMark("not-approved", said, said)


def marked_name(name: str, state: str) -> str:
    """Return the name of a copy outside of the library, which says what is not approved."""
    stem, dot, suffix = name.rpartition(".")
    if not (dot and stem):
        stem, dot, suffix = name, "", ""
    # It may have been decided since.
    for former in ("needs-review", "rejected"):
        stem = stem.removesuffix(f"-{former}") or stem
    mark = mark_of(state)
    if mark is not None and not stem.endswith(f"-{mark.name}"):
        stem = f"{stem}-{mark.name}"
    return f"{stem}{dot}{suffix}"


def worst_state(states: Iterable[str]) -> str:
    """Return the state of something made of several results: that of one that needs a mark."""
    marked = sorted(state for state in set(states) if mark_of(state) is not None)
    return next((state for state in ("rejected", "needs_review", *marked) if state in marked), "")


def state_when_changed(review: Review | None, labels: Mapping[str, str]) -> str:
    """Return the state of a text that was changed since a person decided on it, if one did."""
    return "needs_review" if needs_review(labels) or (review and review.state) else ""


def labels_for_another(review: Review | None, labels: Mapping[str, str]) -> dict[str, str]:
    """Return the labels of a result made anew as this one was: nobody has reviewed it."""
    wanted = needs_review(labels) or mark_of(review_state(review, labels)) is not None
    return {REVIEW_LABEL: REVIEW_REQUIRED} if wanted else {}


def review_state(review: Review | None, labels: Mapping[str, str]) -> str:
    """Return the state of a result, "" if nobody asked for a review."""
    if review is not None and review.state:
        return review.state
    return "needs_review" if needs_review(labels) else ""
