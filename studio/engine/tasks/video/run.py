"""Runs a video job: what is to be made, the segments, and the file that they are joined to."""

from __future__ import annotations

import errno
import hashlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

import msgspec
from msgspec import Struct

from studio.engine.local.devices import Device, libraries
from studio.engine.local.input_digest import input_digest
from studio.engine.local.job import Job
from studio.engine.local.memory import MemoryArbiter
from studio.engine.local.peak_memory import PeakMemory
from studio.engine.local.recipes import make_recipe
from studio.engine.tasks.upscale.enlarge import scale_note
from studio.engine.tasks.upscale.load import Upscaler, acquire_upscaler, interruptible
from studio.engine.tasks.video.files.disk_errors import disk_errors
from studio.engine.tasks.video.files.encoders import Encoding, choose_encoding
from studio.engine.tasks.video.files.joined import choose_format, join
from studio.engine.tasks.video.files.segments import (
    VERSION,
    EncodedFrame,
    Plan,
    SegmentStore,
    open_segments,
)
from studio.engine.tasks.video.files.source import (
    Damage,
    Part,
    Source,
    expected_frames,
    is_cut_off,
    open_source,
)
from studio.engine.tasks.video.files.unchanged import watch
from studio.engine.tasks.video.frames import FrameMaker, segment_length, totals
from studio.engine.tasks.video.models.interpolator import Interpolator, acquire_interpolator
from studio.engine.tasks.video.models.upscaling import FrameUpscaler, tile_side
from studio.engine.tasks.video.pipeline import Writer, start_reading
from studio.engine.tasks.video.timeline import Timeline
from studio.formats.videos.frame_rate import exact_rate
from studio.formats.videos.probe import unreadable
from studio.formats.weights.weights_fingerprint import weight_hash
from studio.kinds.video import VideoRequest, smooths
from studio.protocol import (
    ModelRef,
    ModelRole,
    Parent,
    RunJob,
    Sentence,
    UsedModel,
    problem,
    sentence,
)

MAX_SIDE = 16_384
"""Pixels. Few encoders make more, and no player shows it."""


@dataclass
class _Notes:
    """Deviations from the request: sent as warnings and collected for the recipe."""

    job: Job
    messages: list[str] = field(default_factory=list)

    def warn(self, kind: str, message: Sentence) -> None:
        if str(message) not in self.messages:
            self.job.warn(kind, message)
            self.messages.append(str(message))


class _Models(Struct, frozen=True):
    """The models of the job, as far as it has them, and their hashes by role."""

    upscaler: Upscaler | None
    interpolator: Interpolator | None
    used: dict[ModelRole, tuple[ModelRef, str]]


def run(job: Job, command: RunJob, memory: MemoryArbiter, device: Device) -> dict[str, float]:
    """Enlarge and smooth one video; its sound and subtitles are copied.

    Returns:
        Statistics: seconds by stage, frames.

    Raises:
        ProblemError: the video or a model cannot be used, or memory ran out.
        JobCancelledError: between two layers of a network.
        OSError: the result could not be written.
    """
    request = command.request
    if not isinstance(request, VideoRequest):
        raise TypeError(f"not a video job: {type(request).__name__}")
    started = time.monotonic()
    notes = _Notes(job)
    path = job.path_of(request.input)
    job.loading(sentence("Reading {name}", name=path.name))
    check_input = watch(path)
    source = open_source(path)
    digest = _digest(path, request, job, notes)
    part = Part(request.start, request.length)
    timeline = _timeline(source, request)
    encoding = _encoding(source, request, timeline)
    form = choose_format(source, request.format, encoding.family)
    _say_what_is_lost(source, encoding, notes)
    read = time.monotonic()
    models = _load(command, job, memory, device, notes)
    loaded = time.monotonic()
    kept = Path(command.kept_dir) if command.kept_dir else None
    key = _key(request, digest, encoding, models, device)
    with (
        open_segments(kept, key, job.work_dir, check_input) as store,
        PeakMemory(device) as peak,
        disk_errors(),
        interruptible(job),
    ):
        upscaler = _frame_upscaler(command, source, models, store, job, memory, device, notes)
        maker = FrameMaker(
            job,
            timeline,
            upscaler,
            models.interpolator,
            segment_length(source, request.scale),
            store.numbers(),
            expected_frames(source, part),
        )
        segments = _make(job, source, part, maker, encoding, store, notes)
        made = time.monotonic()
        job.loading(sentence("Writing the file"))
        target = job.temporary(f".{form}")
        try:
            joined = join(source, part, encoding, _packets(store, segments), target, job.check)
            counts = totals(store, segments)
            check_input()
        except BaseException:
            target.unlink(missing_ok=True)
            raise
        for note in joined.notes:
            notes.warn("left_out", note)
        stats = {
            "width": float(encoding.width),
            "height": float(encoding.height),
            "source_width": float(source.width),
            "source_height": float(source.height),
            "frames": float(maker.frames),
            "result_frames": float(counts["frames"]),
            "enlarged": float(counts["enlarged"]),
            "made": float(counts["made"]),
            "cuts": float(counts["cuts"]),
            "repeated": float(counts["same"]),
            "segments": float(segments),
            "streams": float(joined.copied),
            **peak.stats,
        }
        ended = time.monotonic()
        timings = {
            "read": read - started,
            "load": loaded - read,
            "frames": made - loaded,
            "write": ended - made,
        }
        store.finish(job.id)
        _hand_over(
            command,
            request,
            job,
            device,
            notes,
            models,
            upscaler,
            stats,
            timings,
            target,
            Parent(str(path), digest),
            encoding,
        )
    return stats | {f"{stage}_seconds": seconds for stage, seconds in timings.items()}


def _say_what_is_lost(source: Source, encoding: Encoding, notes: _Notes) -> None:
    if source.colours.is_deep and not encoding.is_deep:
        notes.warn(
            "left_out",
            sentence(
                "This encoder has 8 bits a channel and the video {bits}, which may show as bands."
                " AV1 keeps 10.",
                bits=source.colours.bits,
            ),
        )
    if any(source.light) and not encoding.keeps_light:
        notes.warn(
            "left_out",
            sentence("The light levels of HDR are left out. AV1 keeps them."),
        )
    if source.has_alpha:
        notes.warn("left_out", sentence("The transparency of the video is left out."))


def _timeline(source: Source, request: VideoRequest) -> Timeline:
    rate = exact_rate(request.fps) if request.fps else None
    return Timeline(source.time_base, 1 if rate else request.smooth, rate)


def _encoding(source: Source, request: VideoRequest, timeline: Timeline) -> Encoding:
    width, height = source.width * request.scale, source.height * request.scale
    if max(width, height) > MAX_SIDE:
        raise problem(
            "bad_input",
            "Enlarged {scale} times, {name} would have {width} × {height} pixels, and {most} a"
            " side is the limit. Choose a smaller scale.",
            name=source.path.name,
            scale=request.scale,
            width=width,
            height=height,
            most=MAX_SIDE,
        )
    rate = exact_rate(request.fps) if request.fps else source.rate * request.smooth
    return choose_encoding(
        request.encoder,
        request.quality,
        (width, height),
        source.colours,
        timeline.time_base,
        rate,
        source.aspect,
        source.light,
    )


def _load(
    command: RunJob, job: Job, memory: MemoryArbiter, device: Device, notes: _Notes
) -> _Models:
    request = command.request
    assert isinstance(request, VideoRequest)
    refs = {ref.role: ref for ref in (command.model, *command.extra_models)}
    upscaler = interpolator = None
    if request.scale > 1:
        upscaler = acquire_upscaler(refs["upscaler"], job, memory, device)
        note = scale_note(upscaler.scale, request.scale, refs["upscaler"].name)
        if note is not None:
            notes.warn("scale", note)
    if smooths(request):
        interpolator = acquire_interpolator(refs["interpolator"], job, memory, device)
    used = {role: (ref, weight_hash(ref, job.check)) for role, ref in refs.items()}
    return _Models(upscaler, interpolator, used)


def _frame_upscaler(
    command: RunJob,
    source: Source,
    models: _Models,
    store: SegmentStore,
    job: Job,
    memory: MemoryArbiter,
    device: Device,
    notes: _Notes,
) -> FrameUpscaler | None:
    """Return the upscaler, with tiles as large as those of the segments that are there."""
    request = command.request
    assert isinstance(request, VideoRequest)
    upscaler = models.upscaler
    if upscaler is None:
        return None
    plan = store.plan()
    if plan is None or command.saves_memory:
        size = (source.width, source.height)
        ref, _ = models.used["upscaler"]
        side = tile_side(
            upscaler,
            ref,
            size,
            source.colours.bits,
            job,
            memory,
            device,
            saves_memory=command.saves_memory,
        )
        plan = Plan(side)
        store.set_plan(plan)
    return FrameUpscaler(upscaler, request.scale, source.colours.bits, plan.tile, notes.warn)


def _make(
    job: Job,
    source: Source,
    part: Part,
    maker: FrameMaker,
    encoding: Encoding,
    store: SegmentStore,
    notes: _Notes,
) -> int:
    """Make the missing segments and return how many there are now."""
    damage = Damage()
    reading = start_reading(job, source, part, damage, maker.is_wanted)
    try:
        writer = Writer(job, encoding, store)
        try:
            maker.make(reading, writer)
            writer.finish()
        finally:
            writer.stop()
    finally:
        reading.stop()
    if not maker.frames and part.start:
        raise problem(
            "bad_input",
            "{name} ends before {start} seconds. Choose an earlier beginning.",
            name=source.path.name,
            start=f"{part.start:g}",
        )
    if not maker.frames:
        raise unreadable(source.path, "no frame can be decoded")
    if damage.is_interlaced:
        notes.warn("input", sentence("The video is interlaced; each pair of fields is one frame."))
    if damage.parts or is_cut_off(source, part, maker.end):
        notes.warn(
            "input",
            sentence(
                "{name} is damaged or cut off. What can be read of it, {frames} frames, is in the"
                " result.",
                name=source.path.name,
                frames=maker.frames,
            ),
        )
    return maker.segments


def _packets(store: SegmentStore, segments: int) -> Iterator[EncodedFrame]:
    for number in range(segments):
        segment = store.read(number)
        if segment is None:
            raise OSError(errno.EIO, os.strerror(errno.EIO), f"segment {number}")
        yield from segment.packets


def _hand_over(
    command: RunJob,
    request: VideoRequest,
    job: Job,
    device: Device,
    notes: _Notes,
    models: _Models,
    upscaler: FrameUpscaler | None,
    stats: dict[str, float],
    timings: dict[str, float],
    target: Path,
    parent: Parent,
    encoding: Encoding,
) -> None:
    names = {role: ref.id for role, (ref, _) in models.used.items()}
    extra = [
        UsedModel(ref.id, ref.name, ref.role, sha256)
        for ref, sha256 in models.used.values()
        if ref.role != command.model.role
    ]
    recipe = make_recipe(
        command,
        msgspec.structs.replace(
            request,
            model=names.get("upscaler", ""),
            interpolator=names.get("interpolator", ""),
            encoder=request.encoder,
        ),
        0,
        device=device.description,
        dtype=upscaler.dtype if upscaler is not None else "float32",
        libraries={**libraries(), "av": metadata.version("av"), "encoder": encoding.codec},
        model_sha256=models.used[command.model.role][1],
        extra_models=extra,
        adjustments=notes.messages,
        timings={stage: round(seconds, 3) for stage, seconds in timings.items()},
        stats=stats,
        parents=(parent,),
    )
    job.asset(0, target, recipe)


def _digest(path: Path, request: VideoRequest, job: Job, notes: _Notes) -> str:
    """Return the SHA-256 of the input; warn if it differs from the request."""
    found = input_digest(path, job.check)
    if request.input.sha256 and found != request.input.sha256.lower():
        notes.warn(
            "input", sentence("{name} was changed after the job was created.", name=path.name)
        )
    return found


def _key(
    request: VideoRequest, digest: str, encoding: Encoding, models: _Models, device: Device
) -> str:
    """Return the name of the segments: the same for all that decides about their bytes."""
    decides = {
        "version": VERSION,
        "input": digest,
        "work": [request.scale, request.smooth, request.fps, request.start, request.length],
        "encoding": repr(encoding),
        "models": {role: sha256 for role, (_, sha256) in models.used.items()},
        "libraries": {name: metadata.version(name) for name in ("av", "torch")},
        "device": device.description,
    }
    return hashlib.sha256(msgspec.json.encode(decides, order="sorted")).hexdigest()[:24]
