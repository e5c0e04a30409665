"""The waveform of a sound as a short text, which is kept in the file: it is drawn without decoding.

Each two hexadecimal digits are the loudest sample of a part of equal length, 255 for full scale.
"""

from __future__ import annotations

from collections.abc import Iterable

COUNT = 600
"""Parts of a sound."""
_MOST = 4096


def to_text(peaks: Iterable[float]) -> str:
    """Return peaks from 0 to 1 as text."""
    return bytes(round(min(max(peak, 0.0), 1.0) * 255) for peak in peaks).hex()


def from_text(text: str) -> tuple[float, ...]:
    """Return the peaks in a text, nothing if it is damaged."""
    try:
        return tuple(value / 255 for value in bytes.fromhex(text[: 2 * _MOST]))
    except ValueError:
        return ()
