"""Metadata of sound files as comments: upper-case name → text, as in Vorbis comments."""

from __future__ import annotations

from collections.abc import Mapping

from studio.formats.pictures import xmp
from studio.formats.pictures.embedded import AIGC, RECIPE, Embedded

LYRICS = "LYRICS"
"""What is said, with the time of each word (enhanced LRC)."""
PEAKS = "PEAKS"
"""The waveform (`peaks`)."""
TITLE = "TITLE"
PACKET = "XMP"
MAX_COMMENTS = 16 * 1024 * 1024
"""Bytes of all comments of a file."""

_RECIPE = RECIPE.upper()
_TITLE_LENGTH = 100
_KEPT = (LYRICS, PEAKS, TITLE)


def embedded_of(comments: Mapping[str, str]) -> Embedded:
    """Return the metadata that comments hold."""
    packet = comments.get(PACKET, "")
    return Embedded(
        recipe=comments.get(_RECIPE, ""),
        texts={name: comments[name] for name in _KEPT if name in comments},
        packet=packet,
        label=comments.get(AIGC, "") or xmp.value_of(packet, xmp.AIGC),
    )


def with_embedded(comments: Mapping[str, str], embedded: Embedded) -> dict[str, str]:
    """Return comments with the metadata in them. Empty parts of `embedded` change nothing."""
    title = " ".join(str(embedded.facts.get("prompt", "")).split())[:_TITLE_LENGTH]
    packet = embedded.packet
    if embedded.label:
        packet = xmp.with_value(packet, xmp.AIGC, xmp.AIGC_NAMESPACE, embedded.label)
    added = {
        TITLE: title,
        **embedded.texts,
        AIGC: embedded.label,
        PACKET: packet,
        _RECIPE: embedded.recipe,
    }
    return {**comments, **{name: text for name, text in added.items() if text}}
