"""The AIGC label from the user's settings."""

from __future__ import annotations

from studio.formats.recipes.aigc import FALLBACK_PRODUCER, AigcLabel
from studio.settings import Settings


def label_from_settings(settings: Settings) -> AigcLabel | None:
    """Return the label for new results, None if it is disabled."""
    if not settings.aigc_label:
        return None
    return AigcLabel(settings.aigc_producer.strip() or FALLBACK_PRODUCER)


def visible_label_from_settings(settings: Settings) -> AigcLabel | None:
    """Return the label of exported pictures that carry it in sight, None if it is disabled."""
    if not settings.aigc_visible:
        return None
    return AigcLabel(settings.aigc_producer.strip() or FALLBACK_PRODUCER)
