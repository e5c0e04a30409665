"""The kinds to whose tabs an answer is sent from its card."""

from __future__ import annotations

from studio.kinds.registry import AnyKind, kinds
from studio.kinds.text import KIND


def send_targets() -> tuple[AnyKind, ...]:
    """Return the other kinds whose tabs take a text."""
    return tuple(k for k in kinds().values() if k.text_action and k.task != KIND.task)
