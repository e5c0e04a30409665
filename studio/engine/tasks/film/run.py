"""Runs a film job: pictures are read, frames are drawn and encoded in segments, and joined."""

from __future__ import annotations

import errno
import hashlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from importlib import metadata
from pathlib import Path

import msgspec
from msgspec import Struct
from PIL import Image

from studio.composition.canvas import checked_digest
from studio.composition.frames import Frame, FrameDrawer
from studio.composition.sound import Samples, mixed, placed_voices, sample_at
from studio.composition.timeline import Timeline
from studio.composition.titles import titles_of
from studio.engine.local.devices import Device
from studio.engine.local.job import EtaEstimator, Job
from studio.engine.local.memory import MemoryArbiter
from studio.engine.local.recipes import make_recipe
from studio.engine.tasks.film.joined import join
from studio.engine.tasks.film.moving_picture import write_moving_picture
from studio.engine.tasks.video.files.colours import Colours
from studio.engine.tasks.video.files.disk_errors import disk_errors
from studio.engine.tasks.video.files.encoders import Encoding, choose_encoding
from studio.engine.tasks.video.files.segments import EncodedFrame, SegmentStore, open_segments
from studio.engine.tasks.video.pipeline import Picture, SegmentEnd, Writer
from studio.engine.tasks.video.timeline import Moment
from studio.formats.pictures.open_picture import PictureError
from studio.formats.sounds.recording import opened_recording
from studio.formats.videos.frame_rate import exact_rate
from studio.kinds.film import FilmRequest, Shot, is_moving_picture, shots_of
from studio.protocol import Parent, RunJob, Sentence, problem, sentence

VERSION = 1
"""Incremented when the same request gives other frames."""

_SEGMENT = 96
"""Frames."""
_BT709 = Colours(space=1, primaries=1, transfer=1, range=1, bits=8)
_PREVIEW_SIDE = 640
_MAX_NAMED = 20
"""Damaged pictures that are named one by one."""


@dataclass
class _Notes:
    """Deviations from the request: sent as warnings and collected for the recipe."""

    job: Job
    messages: list[str] = field(default_factory=list)
    damaged: int = 0

    def warn(self, kind: str, message: Sentence) -> None:
        if str(message) not in self.messages:
            self.job.warn(kind, message)
            self.messages.append(str(message))

    def damage(self, path: Path) -> None:
        self.damaged += 1
        if self.damaged <= _MAX_NAMED:
            self.warn(
                "input",
                sentence(
                    "{name} cannot be read and is not shown: it is missing, damaged or no picture.",
                    name=path.name,
                ),
            )


class _Film(Struct, frozen=True):
    """What is shown, after pictures that cannot be read were left out."""

    shots: tuple[Shot, ...]
    pictures: tuple[Path | None, ...]
    digests: tuple[str, ...]
    voices: tuple[Path, ...]


def run(job: Job, command: RunJob, memory: MemoryArbiter, device: Device) -> dict[str, float]:
    """Make one film.

    Returns:
        Statistics: seconds by stage, frames.

    Raises:
        ProblemError: no picture or a sound cannot be read.
        JobCancelledError: between two frames.
        OSError: the result could not be written.
    """
    del memory, device
    request = command.request
    if not isinstance(request, FilmRequest):
        raise TypeError(f"not a film job: {type(request).__name__}")
    started = time.monotonic()
    notes = _Notes(job)
    film = _read(job, request, notes)
    rate = exact_rate(request.fps)
    lengths = [shot.seconds for shot in film.shots]
    timeline = Timeline(lengths, rate, request.fade, loops=request.loop)
    size = (request.width, request.height)
    drawer = FrameDrawer(film.shots, film.pictures, timeline, request.fit, size, notes.damage)
    progress = _Progress(job, timeline.frames)
    read = time.monotonic()
    target = job.temporary(f".{request.format}")
    codec: str = request.format
    with disk_errors():
        try:
            if is_moving_picture(request):
                frames = _drawn(job, drawer, progress)
                write_moving_picture(frames, target, size, rate, request.quality)
            else:
                encoding = _encoding(request, rate)
                codec = encoding.codec
                _make_video(
                    job, command, request, film, timeline, drawer, encoding, progress, target
                )
        except BaseException:
            target.unlink(missing_ok=True)
            raise
    job.progress(timeline.frames, timeline.frames)
    if notes.damaged > _MAX_NAMED:
        notes.warn(
            "input",
            sentence("{count} pictures cannot be read and are not shown.", count=notes.damaged),
        )
    stats = {
        "width": float(request.width),
        "height": float(request.height),
        "frames": float(timeline.frames),
        "made": float(progress.made),
        "shots": float(len(film.shots)),
        "left_out": float(notes.damaged),
        "duration": float(timeline.frames / rate),
    }
    timings = {"read": read - started, "frames": time.monotonic() - read}
    files = zip((*request.pictures, *request.voices), film.digests, strict=False)
    parents = [Parent(file.path, file.sha256 or digest) for file, digest in files]
    if request.sound is not None:
        parents.append(Parent(request.sound.path, request.sound.sha256))
    recipe = make_recipe(
        command,
        request,
        0,
        device="CPU",
        dtype="uint8",
        libraries={
            "av": metadata.version("av"),
            "pillow": metadata.version("pillow"),
            "encoder": codec,
        },
        adjustments=notes.messages,
        timings={stage: round(seconds, 3) for stage, seconds in timings.items()},
        stats=stats,
        parents=parents,
    )
    job.asset(0, target, recipe)
    return stats | {f"{stage}_seconds": seconds for stage, seconds in timings.items()}


class _Progress:
    """Counts frames, and shows one now and then."""

    def __init__(self, job: Job, frames: int) -> None:
        self._job = job
        self.frames = frames
        self._estimator = EtaEstimator(frames)
        self.made = 0

    def done(self, number: int, pixels: Frame | None) -> None:
        """Say that all frames up to this one are there; `pixels` if it was drawn now."""
        self.made += pixels is not None
        left = self._estimator.seconds_left(number + 1)
        self._job.progress(number + 1, self.frames + 1, left)
        if pixels is not None:
            self._job.preview(0, lambda path: _save_small(pixels, path))


def _read(job: Job, request: FilmRequest, notes: _Notes) -> _Film:
    """Read all pictures once, to know before the first frame which of them can be shown.

    Raises `ProblemError` if that is none, or if a voice or the sound cannot be read.
    """
    pictures: list[Path | None] = []
    digests: list[str] = []
    for number, file in enumerate(request.pictures):
        path = job.path_of(file)
        name = sentence("Reading {name}", name=path.name)
        job.loading(name, number / len(request.pictures))
        digest = ""
        try:
            digest = checked_digest(path, job.check)
        except (PictureError, FileNotFoundError, PermissionError, IsADirectoryError):
            notes.damage(path)
        pictures.append(path if digest else None)
        digests.append(digest)
        if digest and file.sha256 and digest != file.sha256.lower():
            notes.warn(
                "input", sentence("{name} was changed after the job was created.", name=path.name)
            )
    if not any(pictures):
        raise problem(
            "bad_input",
            "None of the pictures can be read. Use PNG, JPEG, WebP, TIFF, AVIF, GIF or BMP.",
        )
    voices = tuple(job.path_of(file) for file in request.voices)
    below = [job.path_of(request.sound)] if request.sound is not None else []
    for path in (*voices, *below):
        with opened_recording(path):
            job.check()
    shots = shots_of(request)
    if not request.shots:
        # A shot of a storyboard keeps its time; a picture of a slideshow has no other purpose.
        shots = tuple(shot for shot in shots if pictures[shot.picture] is not None)
    return _Film(shots, tuple(pictures), tuple(digests), voices)


def _make_video(
    job: Job,
    command: RunJob,
    request: FilmRequest,
    film: _Film,
    timeline: Timeline,
    drawer: FrameDrawer,
    encoding: Encoding,
    progress: _Progress,
    target: Path,
) -> None:
    kept = Path(command.kept_dir) if command.kept_dir else None
    with open_segments(kept, _key(request, film, encoding), job.work_dir) as store:
        segments = _make_segments(job, timeline, drawer, encoding, store, progress)
        job.loading(sentence("Writing the file"))
        join(
            target,
            encoding,
            _packets(store, segments),
            _sound(job, request, film, timeline),
            titles_of(film.shots, film.voices, timeline),
            job.check,
        )
        store.finish(job.id)


def _make_segments(
    job: Job,
    timeline: Timeline,
    drawer: FrameDrawer,
    encoding: Encoding,
    store: SegmentStore,
    progress: _Progress,
) -> int:
    """Make the segments that are missing, and return how many there are."""
    have = store.numbers()
    segments = -(-timeline.frames // _SEGMENT)
    writer = Writer(job, encoding, store)
    try:
        for segment in range(segments):
            first, end = segment * _SEGMENT, min(timeline.frames, (segment + 1) * _SEGMENT)
            if segment in have:
                progress.done(end - 1, None)
                continue
            for number in range(first, end):
                job.check()
                pixels = drawer.draw(number)
                writer.add(Picture(Moment(number, 1, Fraction(0)), pixels))
                progress.done(number, pixels)
            writer.add(SegmentEnd(segment, {}))
        writer.finish()
    finally:
        writer.stop()
    return segments


def _drawn(job: Job, drawer: FrameDrawer, progress: _Progress) -> Iterator[Frame]:
    for number in range(progress.frames):
        job.check()
        pixels = drawer.draw(number)
        progress.done(number, pixels)
        yield pixels


def _packets(store: SegmentStore, segments: int) -> Iterator[EncodedFrame]:
    for number in range(segments):
        segment = store.read(number)
        if segment is None:
            raise OSError(errno.EIO, os.strerror(errno.EIO), f"segment {number}")
        yield from segment.packets


def _sound(
    job: Job, request: FilmRequest, film: _Film, timeline: Timeline
) -> Iterator[Samples] | None:
    """Return the sound of the film in blocks, None if it has none."""
    below = job.path_of(request.sound) if request.sound is not None else None
    placed = placed_voices(film.shots, film.voices, timeline)
    if below is None and not placed:
        return None
    return mixed(placed, below, sample_at(timeline, len(film.shots)), job.check)


def _encoding(request: FilmRequest, rate: Fraction) -> Encoding:
    return choose_encoding(
        request.encoder,
        request.quality,
        (request.width, request.height),
        _BT709,
        1 / rate,
        rate,
        None,
        (b"", b""),
    )


def _key(request: FilmRequest, film: _Film, encoding: Encoding) -> str:
    """Return the name of the segments: the same for all that decides about their bytes."""
    decides = {
        "version": VERSION,
        "pictures": film.digests,
        "shots": [(shot.picture, shot.seconds, shot.motion) for shot in film.shots],
        "look": [request.fade, request.fit, request.loop],
        "encoding": repr(encoding),
        "libraries": {name: metadata.version(name) for name in ("av", "pillow")},
    }
    return hashlib.sha256(msgspec.json.encode(decides, order="sorted")).hexdigest()[:24]


def _save_small(pixels: Frame, path: Path) -> None:
    image = Image.fromarray(pixels)
    image.thumbnail((_PREVIEW_SIDE, _PREVIEW_SIDE))
    image.save(path, quality=85)
