"""Runs an upscaling job: read the picture, enlarge it tile by tile, write it."""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import numpy as np

from studio.engine.local.devices import Device, available_bytes, libraries, pick_device
from studio.engine.local.input_digest import input_digest
from studio.engine.local.job import EtaEstimator, Job
from studio.engine.local.memory import MemoryArbiter, model_key
from studio.engine.local.peak_memory import PeakMemory
from studio.engine.local.recipes import make_recipe
from studio.engine.tasks.upscale.enlarge import SMALLEST_TILE, Enlarger, scale_note
from studio.engine.tasks.upscale.file_format import convert, file_format
from studio.engine.tasks.upscale.load import Upscaler, acquire_upscaler, interruptible, weight_file
from studio.engine.tasks.upscale.picture import Picture, Samples, read_picture
from studio.engine.tasks.upscale.preview import PartialPreview
from studio.engine.tasks.upscale.smooth import SmoothUpscaler
from studio.engine.tasks.upscale.tiles import Pixels, Span, blend, largest_tile
from studio.formats.pictures.png import Chunk
from studio.formats.pictures.png_writer import PngWriter
from studio.formats.weights.weights_fingerprint import weight_hash
from studio.kinds.upscale import UpscaleRequest
from studio.protocol import Parent, RunJob, Sentence, problem, readable_size, sentence

MAX_MEGAPIXELS = 1000
"""Limit for results. Few programs open larger ones, and reading one takes 4 GB."""

TILE_ON_CPU, TILE_ON_GPU = 192, 384
"""Preferred tile sides. Tiles of 192 match an untiled result to 51 dB, tiles of 128 to 48 dB."""

_UNTILED_SIDE = 128
_MEMORY_SHARE = 0.8
_PEAK_FACTOR = 2


@dataclass
class _Adjustments:
    """Deviations from the request: sent as warnings and collected for the recipe."""

    job: Job
    messages: list[str] = field(default_factory=list)

    def warn(self, kind: str, message: Sentence) -> None:
        self.job.warn(kind, message)
        self.messages.append(str(message))


def run(job: Job, command: RunJob, memory: MemoryArbiter, device: Device) -> dict[str, float]:
    """Enlarge one picture; the result has the original's profile and EXIF, and its depth if a PNG.

    Returns:
        Statistics: seconds by stage, the tile's side, pixels of the result.

    Raises:
        ProblemError: the picture or the model cannot be used, or memory ran out.
        JobCancelledError: at a stage of loading, or between two layers of the network.
        OSError: the result could not be written.
    """
    request = command.request
    if not isinstance(request, UpscaleRequest):
        raise TypeError(f"not an upscaling job: {type(request).__name__}")
    adjustments = _Adjustments(job)
    path = job.path_of(request.input)

    started = time.monotonic()
    job.loading(sentence("Reading {name}", name=path.name))
    picture = _read(path, request.scale, job, memory, device)
    digest = _digest(path, request, job, adjustments)
    height, width = (side * request.scale for side in picture.pixels.shape[:2])
    chunks = _chunks(picture, width, height)
    for kind, message in picture.notes:
        adjustments.warn(kind, message)
    read = time.monotonic()

    upscaler: Upscaler | SmoothUpscaler = (
        SmoothUpscaler(request.scale)
        if request.drawing
        else acquire_upscaler(command.model, job, memory, device)
    )
    note = scale_note(upscaler.scale, request.scale, command.model.name)
    if note is not None:
        adjustments.warn("scale", note)
    side = _tile_side(upscaler, picture, command, job, memory, device, adjustments)
    dtype = upscaler.precision(picture.bits)
    enlarger = Enlarger(upscaler, request.scale, dtype, side, adjustments.warn)
    loaded = time.monotonic()

    target = job.temporary(".png")
    try:
        with PeakMemory(device) as peak:
            tiles, writing = _enlarge(job, picture, enlarger, target, chunks)
        wanted = file_format(
            request, picture, lambda need: memory.make_room(need, job), adjustments.warn
        )
        if wanted != "png":
            converting = time.monotonic()
            target = convert(target, job, wanted, picture, adjustments.warn)
            writing += time.monotonic() - converting
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    finished = time.monotonic()

    timings = {
        "read": read - started,
        "load": loaded - read,
        "enlarge": finished - loaded - writing,
        "write": writing,
    }
    stats = {
        "width": float(width),
        "height": float(height),
        "bits": float(picture.bits),
        "model_scale": float(upscaler.scale),
        "passes": float(enlarger.passes),
        "tile": float(enlarger.limit),
        "tiles": float(tiles),
        **peak.stats,
        "model_memory": float(upscaler.nbytes),
    }
    job.check()
    used = "" if request.drawing else command.model.id
    recipe = make_recipe(
        command,
        msgspec.structs.replace(request, model=used),
        0,
        device=device.description,
        dtype=enlarger.dtype,
        libraries=libraries(),
        model_sha256="" if request.drawing else weight_hash(command.model, job.check),
        adjustments=adjustments.messages,
        timings={stage: round(seconds, 3) for stage, seconds in timings.items()},
        stats=stats,
        parents=(Parent(str(path), digest),),
    )
    if request.drawing:
        recipe = msgspec.structs.replace(recipe, model_id="", model_name="")
    job.asset(0, target, recipe)
    return stats | {f"{stage}_seconds": seconds for stage, seconds in timings.items()}


def _read(path: Path, scale: int, job: Job, memory: MemoryArbiter, device: Device) -> Picture:
    def check_size(width: int, height: int, decoding: int) -> None:
        if width * height * scale * scale > MAX_MEGAPIXELS * 1_000_000:
            raise problem(
                "bad_input",
                "{name} has {width} × {height} pixels. Enlarged {scale} times, it would exceed the"
                " limit of {limit} megapixels. Crop it, or choose a smaller scale.",
                name=path.name,
                width=width,
                height=height,
                scale=scale,
                limit=MAX_MEGAPIXELS,
            )
        # A row of tiles and the overlap carried to the next row, four channels of float32.
        need = decoding + 2 * width * scale * min(height, TILE_ON_CPU) * scale * 16
        if device.kind == "cuda":
            free = available_bytes(pick_device("cpu"))
        else:
            free = memory.make_room(need, job)
        if free < need:
            raise problem(
                "out_of_memory",
                "{name} needs {need} of memory, but only {free} is free. Close other programs, or"
                " choose a smaller picture.",
                name=path.name,
                need=readable_size(need),
                free=readable_size(free),
            )

    picture = read_picture(path, check_size)
    job.check()
    return picture


def _digest(path: Path, request: UpscaleRequest, job: Job, adjustments: _Adjustments) -> str:
    """Return the SHA-256 of the input; warn if it differs from the request."""
    found = input_digest(path, job.check)
    if request.input.sha256 and found != request.input.sha256.lower():
        adjustments.warn(
            "input",
            sentence("{name} was changed after the job was created.", name=path.name),
        )
    return found


def _chunks(picture: Picture, width: int, height: int) -> list[Chunk]:
    chunks = list(picture.chunks)
    if picture.icc:
        chunks.insert(0, (b"iCCP", b"profile\0\0" + zlib.compress(picture.icc)))
    if exif := picture.exif_for(width, height):
        chunks.append((b"eXIf", exif))
    return chunks


def _tile_side(
    upscaler: Upscaler | SmoothUpscaler,
    picture: Picture,
    command: RunJob,
    job: Job,
    memory: MemoryArbiter,
    device: Device,
    adjustments: _Adjustments,
) -> int:
    """Return the largest tile side that fits into memory, in pixels."""
    wanted = TILE_ON_CPU if device.kind == "cpu" else TILE_ON_GPU
    if upscaler.wants_large_tiles:
        wanted *= 2
    longest = max(picture.pixels.shape[:2])
    if longest <= _UNTILED_SIDE and not command.saves_memory:
        return wanted
    multiple = upscaler.multiple
    wanted = max(wanted // multiple, 1) * multiple
    side = min(wanted, -(-longest // multiple) * multiple)
    cost = _PEAK_FACTOR * upscaler.bytes_per_pixel(upscaler.precision(picture.bits))
    job.check()
    need = int(side * side * cost / _MEMORY_SHARE)
    is_network = isinstance(upscaler, Upscaler)
    key = model_key(weight_file(command.model), "upscale") if is_network else ""
    free = memory.make_room(need, job, keep=key)
    fitting = largest_tile(int(free * _MEMORY_SHARE), cost, side, SMALLEST_TILE, SMALLEST_TILE)
    if fitting == 0:
        raise problem(
            "out_of_memory",
            "{model} needs {need} of memory for the smallest tile, but only {free} is free. Close"
            " other programs, or choose a smaller model.",
            model=command.model.name,
            need=readable_size(int(SMALLEST_TILE**2 * cost / _MEMORY_SHARE)),
            free=readable_size(free),
        )
    if command.saves_memory:
        half = side // 2 // SMALLEST_TILE * SMALLEST_TILE
        fitting = min(fitting, max(SMALLEST_TILE, half))
    if fitting < side:
        adjustments.warn(
            "memory",
            sentence(
                "Memory is low, so the picture is enlarged in tiles of {side} pixels.",
                side=fitting,
            ),
        )
        return fitting
    return wanted


def _enlarge(
    job: Job, picture: Picture, enlarger: Enlarger, target: Path, chunks: Iterable[Chunk]
) -> tuple[int, float]:
    """Enlarge and write band by band. Returns the number of tiles and the seconds of writing."""
    height, width, channels = picture.pixels.shape
    scale = enlarger.scale
    rows, columns = enlarger.tile_spans(height), enlarger.tile_spans(width)
    steps = sum(_steps(picture, row, column) for row in rows for column in columns)
    pace = EtaEstimator(steps)
    preview = PartialPreview(job, picture, scale) if len(rows) * len(columns) > 1 else None
    done = 0

    def tile(row: Span, column: Span) -> Pixels:
        nonlocal done
        job.check()
        part = picture.as_floats(row.source, column.source)
        large = enlarger.enlarge(part, has_alpha=picture.has_alpha)
        done += _steps(picture, row, column)
        job.progress(done, steps, pace.seconds_left(done))
        if preview is not None:
            preview.add(row.start, column.start, large)
        return large

    writing = 0.0
    job.progress(0, steps)
    with (
        PngWriter(target, width * scale, height * scale, channels, picture.bits, chunks) as writer,
        interruptible(job),
    ):
        for band in blend(rows, columns, scale, tile):
            write_started = time.monotonic()
            writer.write(_to_samples(band, picture.max_value))
            writing += time.monotonic() - write_started
    return len(rows) * len(columns), writing


def _steps(picture: Picture, row: Span, column: Span) -> int:
    """Return how many times the network runs for a tile: twice if alpha varies."""
    if not picture.has_alpha:
        return 1
    alpha = picture.pixels[row.source, column.source, -1]
    return 1 if alpha.min() == alpha.max() else 2


def _to_samples(band: Pixels, largest: int) -> Samples:
    band *= largest
    np.rint(band, out=band)
    np.clip(band, 0, largest, out=band)
    return band.astype(np.uint8) if largest == 255 else band.astype(np.uint16)
