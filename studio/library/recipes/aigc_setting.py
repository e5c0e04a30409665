"""The AIGC label that the user's settings ask for."""

from __future__ import annotations

from studio.formats.aigc import FALLBACK_PRODUCER, AigcLabel
from studio.settings import Settings


def label_from_settings(settings: Settings) -> AigcLabel | None:
    """Return the label that the user wants on new results, None for none."""
    if not settings.aigc_label:
        return None
    return AigcLabel(settings.aigc_producer.strip() or FALLBACK_PRODUCER)
