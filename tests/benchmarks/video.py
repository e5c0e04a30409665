"""A video enlarged and smoothed: what comes out against the original, and what it costs."""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from studio.kinds.video import VideoRequest
from studio.protocol import InputFile
from studio.settings import default_paths
from tests.benchmarks.headless_app import PHOTOGRAPH, HeadlessApp, baseline, headless_app
from tests.benchmarks.table import Row, pairs, spread
from tests.video_files import Frame, psnr, read_frames, stream_hashes, write_video

TARGET = 0.9
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
    """Decoding, enlarging, smoothing and encoding against the same in a loop, one by one."""
    what = "video ×2 and smoothed ×2 ÷ the same in a bare loop"
    if not (_rife() / "rife.pth").exists():
        return [Row(what, f"≤ {TARGET}", "not measured: no starter model here", None)]
    upscaler = default_paths().starter / "dat-light-x2"
    with tempfile.TemporaryDirectory() as folder:
        video = write_video(
            Path(folder) / "half.mp4", [_halved(frame) for frame in _original()[::2]]
        )
        arguments = (str(upscaler), str(_rife()), str(video))
        with headless_app() as app, baseline("video", *arguments) as script:

            def ours() -> float:
                return _run(app, video)

            def theirs() -> float:
                return script.run(1, 0)[0]

            ours(), theirs()
            _, _, ratios = pairs(ours, theirs, rounds)
    ratio = statistics.median(ratios)
    return [Row(what, f"≤ {TARGET}", spread(ratios), ratio <= TARGET, {"ratios": ratios})]


def _run(app: HeadlessApp, video: Path) -> float:
    return app.run(VideoRequest(input=InputFile(str(video)), scale=2, smooth=2))[0]
