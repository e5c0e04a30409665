"""Cuts a recording at pauses into parts of at most half a minute, without its silence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from faster_whisper.vad import VadOptions, get_speech_timestamps
from msgspec import Struct

from studio.engine.tasks.transcribe.hearing import RATE, Samples

_WINDOW = 180 * RATE
"""Samples in which pauses are looked for at a time."""
_LONGEST = 29 * RATE
"""A model hears 30 seconds at a time."""
_TAIL = 2 * RATE
_OPTIONS = VadOptions(
    max_speech_duration_s=28.0, min_silence_duration_ms=500, speech_pad_ms=200, threshold=0.4
)


class Part(Struct, frozen=True, eq=False):
    """Samples with speech in them. `start` is their place in the recording, in samples."""

    start: int
    samples: Samples

    @property
    def end(self) -> int:
        """The place after the last sample."""
        return self.start + len(self.samples)


def parts_of(blocks: Iterable[Samples]) -> Iterator[Part]:
    """Yield the parts in which somebody speaks.

    Where the cuts are depends on nothing but the samples, so that the parts of an interrupted job
    are those of the next one.
    """
    heard = np.zeros(0, np.float32)
    start = 0
    for block in blocks:
        heard = np.concatenate([heard, block])
        while len(heard) >= _WINDOW:
            spans = _spans(heard[:_WINDOW])
            open_from = _WINDOW - _TAIL
            # What follows may belong to the last part.
            if spans and spans[-1][1] > _WINDOW - _LONGEST and spans[-1][0] > 0:
                open_from = spans.pop()[0]
            for begin, end in spans:
                yield Part(start + begin, heard[begin:end])
                open_from = max(open_from, end)
            heard = heard[open_from:]
            start += open_from
    for begin, end in _spans(heard) if len(heard) else ():
        yield Part(start + begin, heard[begin:end])


def _spans(samples: Samples) -> list[tuple[int, int]]:
    """Return start and end of the parts."""
    spans: list[tuple[int, int]] = []
    for speech in get_speech_timestamps(samples, _OPTIONS):
        begin, end = int(speech["start"]), int(speech["end"])
        if spans and end - spans[-1][0] <= _LONGEST:
            spans[-1] = (spans[-1][0], end)
        else:
            spans.append((begin, end))
    return spans
