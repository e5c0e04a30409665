"""Decoding, models and encoding, side by side: frames in, segments out."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from studio.engine.local.job import Job
from studio.engine.tasks.video.files.colours import for_encoder, to_frame, to_rgb
from studio.engine.tasks.video.files.encoders import Encoding, new_encoder
from studio.engine.tasks.video.files.segments import EncodedFrame, Segment, SegmentStore
from studio.engine.tasks.video.files.source import Damage, Part, Source, SourceFrame, frames_of
from studio.engine.tasks.video.timeline import Moment

Frame = NDArray[Any]
"""Shape (height, width, 3), 8 or 16 bits a channel."""

_WAITING = 3
"""Frames between two stages; a frame of 8K takes 100 MB."""
_POLL = 0.1

T = TypeVar("T")


class ReadFrame(Struct, frozen=True):
    """A frame of the source. `pixels` are None if its segment is there already."""

    source: SourceFrame
    pixels: Frame | None


class Stage(Generic[T]):
    """A thread with a short queue. Errors in it are raised where its queue is used."""

    def __init__(self, name: str, job: Job) -> None:
        self._job = job
        self._queue: queue.Queue[T | None] = queue.Queue(_WAITING)
        self._stopped = threading.Event()
        self._error: BaseException | None = None
        self._name = name
        self._thread: threading.Thread | None = None

    def start(self, work: Callable[[], None]) -> None:
        """Run `work` in the thread; the queue ends when it does."""

        def run() -> None:
            try:
                work()
            except BaseException as error:
                self._error = error
                self._stopped.set()
            finally:
                self.put(None)

        self._thread = threading.Thread(target=run, name=f"video {self._name}", daemon=True)
        self._thread.start()

    def put(self, item: T | None) -> bool:
        """Hand over an item; return False if the stage was stopped."""
        while not self._stopped.is_set():
            try:
                self._queue.put(item, timeout=_POLL)
                return True
            except queue.Full:
                continue
        return False

    def items(self) -> Iterator[T]:
        """Yield the items until the end. Raises what the thread raised."""
        while True:
            try:
                item = self._queue.get(timeout=_POLL)
            except queue.Empty:
                self._job.check()
                self.raise_error()
                if self._stopped.is_set():
                    return
                continue
            if item is None:
                self.raise_error()
                return
            yield item

    def raise_error(self) -> None:
        """Raise what the thread raised."""
        if self._error is not None:
            raise self._error

    def check(self) -> None:
        """Raise `JobCancelledError` or end the thread if it should stop."""
        self._job.check()
        if self._stopped.is_set():
            raise StageStoppedError

    def stop(self) -> None:
        """Stop the thread and wait for it."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()

    def wait(self) -> None:
        """Wait until the thread has ended by itself. Raises what it raised."""
        assert self._thread is not None
        while self._thread.is_alive():
            self._thread.join(_POLL)
            self._job.check()
        self.raise_error()


class StageStoppedError(Exception):
    """A stage was stopped from outside."""


def start_reading(
    job: Job, source: Source, part: Part, damage: Damage, is_wanted: Callable[[int], bool]
) -> Stage[ReadFrame]:
    """Start decoding. Of frames that are not wanted only the times are handed over."""
    stage: Stage[ReadFrame] = Stage("decoder", job)

    def read() -> None:
        for frame in frames_of(source, part, stage.check, damage):
            pixels = None
            if is_wanted(frame.number):
                pixels = to_rgb(frame.frame, source.colours, source.width, source.height)
            if not stage.put(ReadFrame(frame, pixels)):
                return

    stage.start(read)
    return stage


class Picture(Struct, frozen=True):
    """A frame for the encoder: pixels, or a frame of the source as it was decoded."""

    moment: Moment
    pixels: Frame | None
    original: Any = None


class SegmentEnd(Struct, frozen=True):
    """The end of a segment."""

    number: int
    notes: dict[str, int]


class Writer:
    """Encodes in a thread of its own, a segment after the other."""

    def __init__(self, job: Job, encoding: Encoding, store: SegmentStore) -> None:
        self._stage: Stage[Picture | SegmentEnd] = Stage("encoder", job)
        self._encoding = encoding
        self._store = store
        self._finished = threading.Event()
        self._stage.start(self._work)

    def add(self, item: Picture | SegmentEnd) -> None:
        """Hand over the next frame or the end of a segment. Raises what the thread raised."""
        if not self._stage.put(item):
            self._stage.raise_error()

    def finish(self) -> None:
        """Wait until all segments are stored. Raises what the thread raised."""
        self._finished.set()
        self._stage.wait()

    def stop(self) -> None:
        """Stop without finishing the segment."""
        self._stage.stop()

    def _work(self) -> None:
        encoder: Any = None
        packets: list[EncodedFrame] = []
        durations: dict[int, int] = {}
        for item in self._items():
            if isinstance(item, SegmentEnd):
                if encoder is not None:
                    packets += _encoded(encoder.encode(None), durations)
                self._store.write(item.number, Segment(packets, item.notes))
                encoder, packets, durations = None, [], {}
                continue
            if encoder is None:
                encoder = new_encoder(self._encoding)
            frame = self._frame(item)
            frame.pts, frame.time_base = item.moment.pts, self._encoding.time_base
            frame.pict_type = 0
            durations[item.moment.pts] = item.moment.duration
            packets += _encoded(encoder.encode(frame), durations)

    def _items(self) -> Iterator[Picture | SegmentEnd]:
        waiting = self._stage._queue
        while True:
            try:
                item = waiting.get(timeout=_POLL)
            except queue.Empty:
                if self._finished.is_set():
                    return
                self._stage.check()
                continue
            if item is not None:
                yield item

    def _frame(self, item: Picture) -> Any:
        encoding = self._encoding
        if item.original is not None:
            size = (encoding.width, encoding.height)
            return for_encoder(item.original, encoding.colours, encoding.pixel_format, size=size)
        assert item.pixels is not None
        return to_frame(item.pixels, encoding.colours, encoding.pixel_format)


def _encoded(packets: Any, durations: dict[int, int]) -> list[EncodedFrame]:
    return [
        EncodedFrame(packet.pts, durations.pop(packet.pts, 0), packet.is_keyframe, bytes(packet))
        for packet in packets
    ]


def alike(before: Frame, after: Frame) -> bool:
    """Return whether two frames have the same pixels."""
    return before.shape == after.shape and bool(np.array_equal(before, after))
