"""The names of the states of review."""

from __future__ import annotations

from studio.ui.style.translations import tr


def state_title(state: str) -> str:
    """Return the name of a state of review; that of another version is shown as it is."""
    titles = {
        "draft": tr("Draft"),
        "needs_review": tr("Needs review"),
        "approved": tr("Approved"),
        "rejected": tr("Rejected"),
    }
    return titles.get(state, state[:40])
