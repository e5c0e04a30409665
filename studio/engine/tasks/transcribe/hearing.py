"""Decodes a recording in pieces: 16 kHz, one channel, whatever it was before."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import av
import numpy as np
import numpy.typing as npt

from studio.formats.sounds.recording import opened_recording, stated_seconds

Samples: TypeAlias = npt.NDArray[np.float32]

RATE = 16_000
_BLOCK = 5 * RATE
_GAP_SECONDS = 0.5
"""Missing sound that is made up for by silence, so that words stay in step with a picture."""
_BAR = RATE // 10
"""Samples of one value of the waveform, while the length is unknown."""


class Hearing:
    """What is heard in a recording. `stated` is the length in its header, 0 if unknown.

    `offset` is how much later than the recording its sound begins, in seconds.
    `seconds` counts what was decoded, `bars` is its waveform, and `damage` says why decoding
    ended early, "" if it did not.
    """

    def __init__(self, path: Path, check: Callable[[], None]) -> None:
        self._path = path
        self._check = check
        self.stated = 0.0
        self.offset = 0.0
        self.seconds = 0.0
        self.damage = ""
        self.bars: list[float] = []

    def blocks(self) -> Iterator[Samples]:
        """Yield the samples in blocks of some seconds. Raises `ProblemError`."""
        with opened_recording(self._path) as (container, stream):
            self.stated = stated_seconds(container, stream)
            self.offset = _offset(container, stream)
            stream.thread_type = "AUTO"
            waiting: list[Samples] = []
            count = 0
            for samples in self._resampled(container, stream):
                waiting.append(samples)
                count += len(samples)
                if count >= _BLOCK:
                    yield self._noted(np.concatenate(waiting))
                    waiting, count = [], 0
            if count:
                yield self._noted(np.concatenate(waiting))

    def _resampled(self, container: Any, stream: Any) -> Iterator[Samples]:
        resampler = av.AudioResampler(format="flt", layout="mono", rate=RATE)
        first, heard = 0.0, 0.0
        for frame in itertools.chain(self._frames(container, stream), [None]):
            self._check()
            if frame is not None:
                time = frame.time
                if time is not None:
                    first = first if heard else time
                    missing = min(time, self.stated + first) - first - heard
                    if missing > _GAP_SECONDS:
                        heard += missing
                        yield from _silence(missing)
                heard += frame.samples / (frame.sample_rate or RATE)
                frame.pts = None  # the resampler would refuse jumps
            for part in resampler.resample(frame):
                samples = np.nan_to_num(part.to_ndarray().reshape(-1), posinf=0.0, neginf=0.0)
                yield np.clip(samples, -1.0, 1.0)

    def _frames(self, container: Any, stream: Any) -> Iterator[Any]:
        failures = 0
        packets = container.demux(stream)
        while True:
            try:
                packet = next(packets, None)
                if packet is None:
                    return
                frames = packet.decode()
            except av.FFmpegError as error:
                # A damaged packet costs its own moment. What follows may be fine.
                self.damage = str(error)
                failures += 1
                if failures > 100:
                    return
                continue
            yield from frames

    def _noted(self, samples: Samples) -> Samples:
        self.seconds += len(samples) / RATE
        for start in range(0, len(samples), _BAR):
            self.bars.append(float(np.abs(samples[start : start + _BAR]).max()))
        return samples


def _silence(seconds: float) -> Iterator[Samples]:
    left = round(seconds * RATE)
    while left > 0:
        yield np.zeros(min(left, _BLOCK), np.float32)
        left -= _BLOCK


def _offset(container: Any, stream: Any) -> float:
    if stream.start_time is None or stream.time_base is None or container.start_time is None:
        return 0.0
    offset = float(stream.start_time * stream.time_base) - container.start_time / 1_000_000
    return offset if 0 < offset < 3600 else 0.0
