"""A video enlarged and smoothed: what comes out against the original, and what it costs."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from PIL import Image

from studio.engine.local.client import EngineClient
from studio.kinds.video import VideoRequest
from studio.models.identify import describe_path
from studio.protocol import Done, Event, InputFile, Progress, RunJob
from studio.settings import default_paths
from tests.benchmarks.headless_app import PHOTOGRAPH, baseline, headless_app
from tests.benchmarks.table import Row, pairs, spread
from tests.video_files import (
    Frame,
    moving,
    psnr,
    read_frames,
    stream_hashes,
    write_doubling_upscaler,
    write_video,
)

TARGET = 0.9
RESUMED = 1.1
_WIDE = (13, 640, 360)
_LENGTHS = (100, 200)
_MOST_MEMORY = 3e9
_FLAT = 1.15
_SIDE, _FRAMES, _STEP = 96, 17, 2


def _original() -> list[Frame]:
    """A pan over a photograph in its own pixels."""
    with Image.open(PHOTOGRAPH) as image:
        whole = np.asarray(image.convert("RGB"))
    return [
        np.ascontiguousarray(whole[number : number + _SIDE, _STEP * number :][:, :_SIDE])
        for number in range(_FRAMES)
    ]


def _halved(frame: Frame) -> Frame:
    small = Image.fromarray(frame).resize((_SIDE // 2, _SIDE // 2), Image.Resampling.BICUBIC)
    return np.asarray(small)


def _bicubic(frame: Frame) -> Frame:
    return np.asarray(Image.fromarray(frame).resize((_SIDE, _SIDE), Image.Resampling.BICUBIC))


def _mean(made: list[Frame], original: list[Frame]) -> float:
    return statistics.mean(psnr(one, other) for one, other in zip(made, original, strict=True))


def _rife() -> Path:
    return default_paths().starter / "rife-4"


def fidelity() -> list[Row]:
    """Half the pixels and half the frames of a video, made whole again."""
    if not (_rife() / "rife.pth").exists():
        return [Row("video: PSNR", "", "not measured: no starter model here", None)]
    original = _original()
    with tempfile.TemporaryDirectory() as folder, headless_app() as app:
        halved = write_video(
            Path(folder) / "half.mp4",
            [_halved(frame) for frame in original[::2]],
            options={"crf": "1"},
            sound="aac",
        )
        plain, _ = read_frames(halved)
        request = VideoRequest(input=InputFile(str(halved)), scale=2, smooth=2, quality=100)
        app.run(request)
        result = app.library.assets.recent(limit=1)[0].path
        made, _ = read_frames(result)
        same_sound = stream_hashes(result, "audio") == stream_hashes(halved, "audio")
    enlarged = _mean(made[::2], original[::2])
    bicubic = _mean([_bicubic(frame) for frame in plain], original[::2])
    smoothed = _mean(made[1::2], original[1::2])
    doubled = _mean(made[:-1:2], original[1::2])
    return [
        Row(
            "video halved and enlarged again, PSNR against bicubic",
            "above",
            f"{enlarged:.2f} dB against {bicubic:.2f} dB",
            enlarged > bicubic,
            {"ours": enlarged, "bicubic": bicubic},
        ),
        Row(
            "frames left out and made again, PSNR against doubled frames",
            "above",
            f"{smoothed:.2f} dB against {doubled:.2f} dB",
            smoothed > doubled,
            {"ours": smoothed, "doubled": doubled},
        ),
        Row("its sound, packet by packet", "the same", str(same_sound), same_sound),
    ]


def pace(rounds: int) -> list[Row]:
    """Decoding, a model and encoding against the same in a loop, one step after the other."""
    if not (_rife() / "rife.pth").exists():
        return [Row("video ÷ a bare loop", f"≤ {TARGET}", "not measured: no starter model", None)]
    upscaler = default_paths().starter / "dat-light-x2"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        small = write_video(
            folder / "small.mp4", [_halved(frame) for frame in _original()[::4]], rate=12
        )
        wide = write_video(folder / "wide.mp4", list(moving(*_WIDE)), rate=12)
        return [
            _pace("video ×2", (str(upscaler), "-", str(small)), small, rounds, scale=2),
            _pace("video smoothed ×2", ("-", str(_rife()), str(wide)), wide, rounds, smooth=2),
        ]


def _pace(what: str, arguments: tuple[str, ...], video: Path, rounds: int, **fields: Any) -> Row:
    """Wall time and processor time of both, in turn."""
    worked: list[float] = []
    bare: list[float] = []
    with headless_app() as app, baseline("video", *arguments) as script:

        def ours() -> float:
            before = app.processor_seconds()
            seconds = app.run(VideoRequest(input=InputFile(str(video)), **fields))[0]
            worked.append(app.processor_seconds() - before)
            return seconds

        def theirs() -> float:
            answer = script.answer(1, 0)
            bare.append(answer["processor"])
            return float(answer["seconds"])

        ours(), theirs()
        left, right, ratios = pairs(ours, theirs, rounds)
    work = [one / other for one, other in zip(worked[1:], bare[1:], strict=True)]
    ratio = statistics.median(ratios)
    return Row(
        f"{what} ÷ the same in a bare loop",
        f"≤ {TARGET}",
        f"{spread(ratios)}; processor time {spread(work)}",
        ratio <= TARGET,
        {"ratios": ratios, "processor": work, "seconds": left, "bare": right},
    )


def memory() -> list[Row]:
    """Peak memory of 4K beside the models, of a short video and of a long one.

    Most frames are those before them, since the models would take hours; all are decoded, wait
    between the stages and are encoded.
    """
    if not (_rife() / "rife.pth").exists():
        return [Row("memory for 4K", "", "not measured: no starter model here", None)]
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        double = write_doubling_upscaler(folder / "double" / "double.pth").parent
        for what, size, fields in (
            ("4K smoothed ×2", (3840, 2160), {"smooth": 2}),
            ("enlarged to 4K", (1920, 1080), {"scale": 2, "model": str(double)}),
        ):
            peaks = [_peak(_still_video(folder, size, count), fields) for count in _LENGTHS]
            met = peaks[-1] <= _MOST_MEMORY and peaks[-1] <= _FLAT * peaks[0]
            shown = " and ".join(f"{peak / 1e9:.2f} GB" for peak in peaks)
            rows.append(
                Row(
                    f"memory beside the model, {what}, {_LENGTHS[0]} and {_LENGTHS[1]} frames",
                    f"flat, ≤ {_MOST_MEMORY / 1e9:g} GB",
                    shown,
                    met,
                    {"bytes": peaks},
                )
            )
    return rows


def _still_video(folder: Path, size: tuple[int, int], count: int) -> Path:
    """Write a video in which only one frame in the middle differs from the one before it."""
    first, second = moving(2, *size)
    frames = [first] * (count // 2) + [second] * (count - count // 2)
    options = {"qp": "0", "preset": "ultrafast"}
    return write_video(folder / f"{size[0]}-{count}.mkv", frames, rate=24, options=options)


def _peak(video: Path, fields: dict[str, Any]) -> float:
    """Return the peak of the engine's memory for a video, above what its models take."""
    with headless_app() as app:
        app.run(VideoRequest(input=InputFile(str(video)), **fields))
        return app.library.assets.recent(limit=1)[0].recipe.stats["peak_memory"]


def resumed(rounds: int) -> list[Row]:
    """A job of ten segments whose engine is killed in the middle of the sixth, and resumed.

    The middle of a segment is a twentieth of all, which is made again.
    """
    what = "a killed video job resumed ÷ undisturbed, 10 segments"
    if not (_rife() / "rife.pth").exists():
        return [Row(what, f"≤ {RESUMED}", "not measured: no starter model here", None)]
    wall: list[float] = []
    work: list[float] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        video = write_video(folder / "long.mp4", list(moving(480, 128, 128)), rate=24)
        for number in range(rounds):
            runs = {at: _run_killed(folder / f"{number}-{at}", video, at) for at in (0, 264)}
            wall.append(runs[264][0] / runs[0][0])
            work.append(runs[264][1] / runs[0][1])
    return [
        Row(
            what,
            f"≤ {RESUMED}",
            f"{spread(wall)}; processor time {spread(work)}",
            statistics.median(wall) <= RESUMED,
            {"wall": wall, "processor": work},
        )
    ]


def _run_killed(folder: Path, video: Path, at: int) -> tuple[float, float]:
    """Smooth a video, killing the engine at a frame (0: never); return wall and processor time.

    A warm engine begins; another warm one goes on, as a window's would after a first job.
    """
    folder.mkdir()
    worked = 0.0
    engines = [EngineClient(log_dir=folder) for _ in range(2 if at else 1)]
    try:
        for engine in engines:
            engine.run(_command(folder, write_video(folder / "warm.mp4"), "warm"), lambda _: None)
        before = [_worked(engine) for engine in engines]
        start = time.perf_counter()
        for number, engine in enumerate(engines):

            def kill(event: Event, engine: EngineClient = engine, number: int = number) -> None:
                nonlocal worked
                if at and number == 0 and isinstance(event, Progress) and event.step >= at:
                    worked = _worked(engine)
                    psutil.Process(engine.pid).kill()

            final = engine.run(_command(folder, video, "video"), kill)
        seconds = time.perf_counter() - start
        if not isinstance(final, Done):
            raise RuntimeError(f"not done: {final}")
        return seconds, (worked or 0.0) + _worked(engines[-1]) - sum(before)
    finally:
        for engine in engines:
            engine.stop()


def _worked(engine: EngineClient) -> float:
    times = psutil.Process(engine.pid).cpu_times()
    return float(times.user + times.system)


def _command(folder: Path, video: Path, name: str) -> RunJob:
    return RunJob(
        job=name,
        request=VideoRequest(input=InputFile(str(video)), smooth=2),
        rows=(0,),
        model=describe_path(_rife()),
        work_dir=str(folder / f"work-{name}-{len(list(folder.glob('work-*')))}"),
        kept_dir=str(folder / "kept"),
    )
