"""The kind whose tab an answer is sent to from its card."""

from __future__ import annotations

from studio.kinds.registry import AnyKind, kinds
from studio.kinds.text import KIND


def _target() -> AnyKind:
    """Return the first other kind that takes a text as its prompt."""
    return next(kind for kind in kinds().values() if kind.text_action and kind.task != KIND.task)


TARGET = _target()
