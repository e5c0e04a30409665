"""Pieces of speech one after the other in a file, without clicks, and with the silence wanted."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

import numpy as np

from studio.engine.tasks.speech.voice.load import RATE, Samples

_MARGIN = 0.05
"""Seconds of the breath before and after a piece that are kept."""
_FADE = 0.008
_QUIET = 10 ** (-46 / 20)
"""Below this share of its loudest sample, the edge of a piece is silence."""


class JoinedSound:
    """Samples that grow piece by piece in a file of float32, so that memory stays flat."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path.open("wb")
        self._count = 0

    def __enter__(self) -> JoinedSound:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _where: TracebackType | None,
    ) -> None:
        self._file.close()

    @property
    def seconds(self) -> float:
        """The length so far."""
        return self._count / RATE

    def add(self, samples: Samples, pause: float, start: int, end: int) -> float:
        """Add the samples from `start` to `end`, after a pause, with soft edges.

        Returns the seconds by which times within `samples` are shifted. Raises `OSError`.
        """
        margin = round(_MARGIN * RATE)
        start, end = max(0, start - margin), min(len(samples), end + margin)
        piece = samples[start:end].copy()
        fade = min(round(_FADE * RATE), len(piece) // 2)
        if fade:
            ramp = np.sin(np.linspace(0, np.pi / 2, fade, dtype=np.float32)) ** 2
            piece[:fade] *= ramp
            piece[-fade:] *= ramp[::-1]
        # The margins are part of the pause.
        silence = max(0.0, pause - 2 * _MARGIN) if self._count else 0.0
        gap = np.zeros(round(silence * RATE), np.float32)
        shift = (self._count + len(gap) - start) / RATE
        for part in (gap, piece):
            self._file.write(part.tobytes())
            self._count += len(part)
        return shift


def sounding(samples: Samples) -> tuple[int, int]:
    """Return where the sound in samples begins and ends, by its energy."""
    window = RATE // 100
    count = len(samples) // window
    if not count:
        return 0, len(samples)
    peaks = np.abs(samples[: count * window]).reshape(count, window).max(axis=1)
    loud = np.flatnonzero(peaks > peaks.max() * _QUIET)
    if not loud.size:
        return 0, len(samples)
    return int(loud[0]) * window, min(len(samples), (int(loud[-1]) + 1) * window)
