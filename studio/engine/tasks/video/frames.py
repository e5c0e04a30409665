"""Makes the frames of the result: enlarges those of the source, and adds others between them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from studio.engine.local.job import EtaEstimator, Job
from studio.engine.tasks.video.files.segments import SegmentStore
from studio.engine.tasks.video.files.source import Source
from studio.engine.tasks.video.models.interpolator import Interpolator
from studio.engine.tasks.video.models.upscaling import FrameUpscaler
from studio.engine.tasks.video.pipeline import (
    Picture,
    ReadFrame,
    SegmentEnd,
    Stage,
    Writer,
    alike,
)
from studio.engine.tasks.video.scenes import Thumbnail, is_cut, thumbnail
from studio.engine.tasks.video.timeline import Moment, Timeline
from studio.protocol import problem

Frame = NDArray[Any]

_LONGEST, _SHORTEST = 48, 16
"""Frames of the source in a segment."""
_SEGMENT_PIXELS = 12_000_000
_PREVIEW_SIDE = 640


def segment_length(source: Source, scale: int) -> int:
    """Return the frames of the source in a segment: fewer where each takes long."""
    if scale == 1:
        return _LONGEST
    fitting = _SEGMENT_PIXELS // (source.width * source.height)
    return max(_SHORTEST, min(_LONGEST, fitting))


class FrameMaker:
    """Makes the missing segments of a video."""

    def __init__(
        self,
        job: Job,
        timeline: Timeline,
        upscaler: FrameUpscaler | None,
        interpolator: Interpolator | None,
        length: int,
        have: frozenset[int],
        expected: int,
    ) -> None:
        self._job = job
        self._timeline = timeline
        self._upscaler = upscaler
        self._interpolator = interpolator
        self._length = length
        self._have = have
        self._large: dict[int, Frame] = {}
        self._small: dict[int, Thumbnail] = {}
        self._counts: Counter[str] = Counter()
        self._expected = expected
        self._estimator = EtaEstimator(max(1, expected))
        self.frames = 0
        """Frames of the source that are done."""
        self.end = 0
        """Where they end, in the time base of the source."""

    @property
    def segments(self) -> int:
        """The segments that these frames make."""
        return -(-self.frames // self._length)

    def is_wanted(self, number: int) -> bool:
        """Return whether the pixels of a frame of the source are needed."""
        segment, place = divmod(number, self._length)
        is_next = place == 0 and number > 0 and segment - 1 not in self._have
        return segment not in self._have or is_next

    def make(self, reading: Stage[ReadFrame], writer: Writer) -> None:
        """Make the segments that are missing, in order."""
        self._job.progress(0, max(1, self._expected))
        before: ReadFrame | None = None
        for frame in reading.items():
            if before is not None:
                self._interval(before, frame, writer)
            before = frame
        if before is not None:
            self._interval(before, None, writer)
        self._job.progress(self.frames, self.frames)

    def _interval(self, first: ReadFrame, second: ReadFrame | None, writer: Writer) -> None:
        start = first.source.pts
        end = second.source.pts if second is not None else start + first.source.duration
        if self._timeline.is_gap(start, end):
            raise problem(
                "bad_input",
                "Between two frames of the video {hours} hours pass, as in a damaged file. Choose"
                " no frame rate, or a part without the gap.",
                hours=round(self._timeline.seconds(end - start) / 3600, 1),
            )
        moments = self._timeline.between(start, end, is_last=second is None)
        segment = first.source.number // self._length
        if segment not in self._have:
            self._fill(moments, first, second, writer)
            if second is None or second.source.number // self._length != segment:
                writer.add(SegmentEnd(segment, dict(self._counts)))
                self._counts.clear()
        self.end = end
        self._done(first.source.number)

    def _fill(
        self,
        moments: Iterator[Moment],
        first: ReadFrame,
        second: ReadFrame | None,
        writer: Writer,
    ) -> None:
        """Hand over the frames from one frame of the source up to the next."""
        assert first.pixels is not None
        following = second if second is not None and second.pixels is not None else None
        is_same = False
        if following is not None and following.pixels is not None:
            is_same = alike(first.pixels, following.pixels)
        is_other_scene: bool | None = None
        self._counts["same"] += is_same
        if is_same and second is not None and first.source.number in self._large:
            self._large[second.source.number] = self._large[first.source.number]
        for moment in moments:
            self._job.check()
            is_new = not is_same and is_other_scene is None and 0 < moment.time < 1
            if following is not None and is_new:
                is_other_scene = is_cut(self._thumbnail(first), self._thumbnail(following))
                self._counts["cuts"] += is_other_scene
            shown = first
            if second is not None and moment.time == 1:
                shown = second
            elif 0 < moment.time < 1 and second is not None and not (is_same or is_other_scene):
                writer.add(Picture(moment, self._between(first, second, float(moment.time))))
                continue
            if self._upscaler is None:
                writer.add(Picture(moment, None, shown.source.frame))
            else:
                writer.add(Picture(moment, self._enlarged(shown)))
            if is_same and second is not None and first.source.number in self._large:
                self._large[second.source.number] = self._large[first.source.number]

    def _between(self, first: ReadFrame, second: ReadFrame, time: float) -> Frame:
        assert self._interpolator is not None
        self._counts["made"] += 1
        self._job.check()
        pair = self._enlarged(first), self._enlarged(second)
        return self._interpolator.between(*pair, time)

    def _enlarged(self, frame: ReadFrame) -> Frame:
        assert frame.pixels is not None
        if self._upscaler is None:
            return frame.pixels
        number = frame.source.number
        found = self._large.get(number)
        if found is None:
            self._counts["enlarged"] += 1
            found = self._large[number] = self._upscaler.enlarge(frame.pixels, self._job)
            self._show(found)
        for old in [each for each in self._large if each < number - 1]:
            del self._large[old]
        return found

    def _thumbnail(self, frame: ReadFrame) -> Thumbnail:
        assert frame.pixels is not None
        number = frame.source.number
        found = self._small.get(number)
        if found is None:
            found = self._small[number] = thumbnail(frame.pixels)
        for old in [each for each in self._small if each < number - 1]:
            del self._small[old]
        return found

    def _show(self, pixels: Frame) -> None:
        def save(path: Any) -> None:
            step = max(1, max(pixels.shape[:2]) // _PREVIEW_SIDE)
            small = pixels[::step, ::step]
            if small.dtype == np.uint16:
                small = small >> 8
            Image.fromarray(np.ascontiguousarray(small.astype(np.uint8))).save(path, quality=85)

        self._job.preview(0, save)

    def _done(self, number: int) -> None:
        self.frames = number + 1
        steps = max(self._expected, self.frames + 1)
        left = self._estimator.seconds_left(self.frames)
        self._job.progress(self.frames, steps, left)


def totals(store: SegmentStore, segments: int) -> Counter[str]:
    """Return what was met in all segments, from what is stored with them."""
    found: Counter[str] = Counter()
    for number in range(segments):
        segment = store.read(number)
        if segment is not None:
            found.update(segment.notes)
            found["frames"] += len(segment.packets)
    return found
