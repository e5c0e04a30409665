"""The sound of a film: voices at their shots, and a file below them, mixed as they are read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from studio.composition.timeline import Timeline
from studio.formats.sounds.recording import opened_recording
from studio.kinds.film import Shot

RATE = 48_000
_BLOCK = RATE // 2
_BELOW_VOICES = 0.3
"""Loudness of the file below where there are voices."""
_FADE_OUT = RATE
"""Samples in which the file below fades out, if it is longer than the film."""

Samples = NDArray[np.float32]
"""Shape (2, samples)."""


class Placed(Struct, frozen=True):
    """A sound that begins at a sample of the film, and is cut off at another."""

    path: Path
    start: int
    end: int
    gain: float = 1.0


class _Track:
    """The samples of a sound, read as they are needed."""

    def __init__(self, placed: Placed, check: Callable[[], None]) -> None:
        self.placed = placed
        self._parts = _decoded(placed.path, check)
        self._rest: Samples = np.zeros((2, 0), np.float32)
        self._read = 0
        self.is_over = False

    def skip_to(self, sample: int) -> None:
        """Go on at a sample; what was read before stays read."""
        while self._read < sample and not self.is_over:
            self.read(min(_BLOCK, sample - self._read))

    def read(self, count: int) -> Samples:
        """Return the next samples, fewer at the end."""
        parts, have = [self._rest], self._rest.shape[1]
        while have < count:
            part = next(self._parts, None)
            if part is None:
                self.is_over = True
                break
            parts.append(part)
            have += part.shape[1]
        whole = np.concatenate(parts, axis=1)
        self._rest = whole[:, count:]
        found = whole[:, :count]
        self._read += found.shape[1]
        return found

    def close(self) -> None:
        self._parts.close()


def placed_voices(
    shots: Sequence[Shot], voices: Sequence[Path], timeline: Timeline
) -> list[Placed]:
    """Return the voices of a film where its shots begin, cut off where they end."""
    return [
        Placed(voices[shot.voice], sample_at(timeline, number), sample_at(timeline, number + 1))
        for number, shot in enumerate(shots)
        if shot.voice >= 0
    ]


def sample_at(timeline: Timeline, shot: int) -> int:
    """Return the sample at which a shot begins; the number of shots stands for the end."""
    return round(timeline.seconds_at(shot) * RATE)


def mixed(
    voices: Sequence[Placed],
    below: Path | None,
    length: int,
    check: Callable[[], None],
    first: int = 0,
) -> Iterator[Samples]:
    """Yield the sound of a film of `length` samples in blocks, from the sample `first` on.

    `voices` are in the order of their beginnings. `check` may raise to stop. Raises `ProblemError`
    if a file holds no sound.
    """
    waiting = [voice for voice in voices if voice.end > first]
    active: list[_Track] = []
    if below is not None:
        gain = _BELOW_VOICES if voices else 1.0
        active.append(_Track(Placed(below, 0, length, gain), check))
    try:
        for start in range(first, length, _BLOCK):
            check()
            end = min(length, start + _BLOCK)
            block = np.zeros((2, end - start), np.float32)
            while waiting and waiting[0].start < end:
                active.append(_Track(waiting.pop(0), check))
            for track in list(active):
                _add(block, start, track, is_below=track.placed.path is below)
                if track.is_over or track.placed.end <= end:
                    track.close()
                    active.remove(track)
            yield np.clip(block, -1.0, 1.0)
    finally:
        for track in active:
            track.close()


def _add(block: Samples, start: int, track: _Track, *, is_below: bool) -> None:
    placed = track.placed
    track.skip_to(start - placed.start)
    offset = max(0, placed.start - start)
    room = min(block.shape[1], placed.end - start) - offset
    if room <= 0:
        return
    samples = track.read(room) * np.float32(placed.gain)
    if is_below:
        left = placed.end - (start + offset) - np.arange(samples.shape[1])
        samples = samples * np.clip(left / _FADE_OUT, 0.0, 1.0).astype(np.float32)
    block[:, offset : offset + samples.shape[1]] += samples


def _decoded(path: Path, check: Callable[[], None]) -> Any:
    """Yield the sound of a file in stereo; a generator. The end of a damaged file is left out."""
    import av

    with opened_recording(path) as (container, stream):
        resampler = av.AudioResampler(format="fltp", layout="stereo", rate=RATE)
        frames = container.decode(stream)
        while True:
            check()
            try:
                frame = next(frames)
            except (StopIteration, av.error.FFmpegError):
                break
            for part in resampler.resample(frame):
                yield part.to_ndarray()
        for part in resampler.resample(None):
            yield part.to_ndarray()
