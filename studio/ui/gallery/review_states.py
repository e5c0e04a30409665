"""The states of review in words: their names, and what is said of results that leave the window."""

from __future__ import annotations

from studio.library.review import mark_of
from studio.ui.style.translations import tr, translated


def state_title(state: str) -> str:
    """Return the name of a state of review; that of another version is shown as it is."""
    titles = {
        "draft": tr("Draft"),
        "needs_review": tr("Needs review"),
        "approved": tr("Approved"),
        "rejected": tr("Rejected"),
    }
    return titles.get(state, state[:40])


def short_note(state: str) -> str:
    """Return the name of a state that must be said, "" for a result that may go as it is."""
    return state_title(state) if mark_of(state) is not None else ""


def text_note(state: str) -> str:
    """Return what stands in front of a text in this state, "" if nothing must."""
    mark = mark_of(state)
    return translated(mark.note) if mark is not None else ""


def marked_text(text: str, state: str) -> str:
    """Return a text for the clipboard, with the note that it needs."""
    note = text_note(state)
    return f"{note}\n\n{text}" if note else text


def about(state: str) -> str:
    """Return what is said of a result that cannot carry its mark."""
    mark = mark_of(state)
    return translated(mark.about) if mark is not None else ""
