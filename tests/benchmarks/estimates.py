"""What is said before the second job of a machine starts, against the time that it takes."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from studio.jobs.estimate import build_estimator
from studio.kinds.image import ImageRequest
from studio.kinds.speech import SpeechRequest
from studio.kinds.text import TextRequest
from studio.kinds.transcribe import TranscribeRequest
from studio.kinds.upscale import UpscaleRequest
from studio.kinds.video import VideoRequest
from studio.protocol import InputFile, Request
from tests.benchmarks.baseline import PROMPT, SPOKEN_TEXT
from tests.benchmarks.headless_app import PHOTOGRAPH, HeadlessApp, headless_app
from tests.benchmarks.table import Row
from tests.video_files import moving, write_video

FACTOR = 1.5


def _picture(folder: Path, side: int) -> InputFile:
    path = folder / f"{side}.png"
    with Image.open(PHOTOGRAPH) as image:
        image.convert("RGB").crop((0, 0, side, side)).save(path)
    return InputFile(str(path))


def _video(folder: Path, frames: int) -> InputFile:
    path = folder / f"{frames}.mp4"
    return InputFile(str(write_video(path, list(moving(frames, 96, 64)))))


def _spoken(app: HeadlessApp, text: str) -> InputFile:
    app.run(SpeechRequest(prompt=text, voice="af_heart"))
    return InputFile(str(app.library.assets.recent(limit=1)[0].path))


def _second_jobs(app: HeadlessApp, folder: Path) -> Iterator[tuple[Request, Request]]:
    """For each kind a first job, and a second one with other content and another length."""
    yield (
        TextRequest(prompt=PROMPT, max_tokens=64, seed=1),
        TextRequest(prompt="Write a letter to a friend about the sea.", max_tokens=160, seed=2),
    )
    yield (
        ImageRequest(prompt="cat, 3d style", seed=1),
        ImageRequest(prompt="rocket, flat style", seed=2, count=4),
    )
    yield (
        UpscaleRequest(input=_picture(folder, 96), scale=2),
        UpscaleRequest(input=_picture(folder, 200), scale=2),
    )
    first, _, rest = SPOKEN_TEXT.partition("\n\n")
    yield SpeechRequest(prompt=first), SpeechRequest(prompt=f"{rest} {first} {rest}")
    yield (
        TranscribeRequest(input=_spoken(app, first)),
        TranscribeRequest(input=_spoken(app, SPOKEN_TEXT)),
    )
    yield (
        VideoRequest(input=_video(folder, 8), scale=2, smooth=2),
        VideoRequest(input=_video(folder, 24), scale=2, smooth=2),
    )


def second_job() -> list[Row]:
    """Each kind in a library of its own: once with the engine restarted, once with it running."""
    found: dict[str, dict[str, float]] = {"restarted": {}, "running": {}}
    for state, ratios in found.items():
        with headless_app() as app, tempfile.TemporaryDirectory() as folder:
            for first, second in _second_jobs(app, Path(folder)):
                app.run(first)
                if state == "restarted":
                    app.engine.restart()
                estimator = build_estimator(app.library, app.registry)
                said = estimator.batch_seconds([second])
                assert said is not None, second.task
                said += estimator.start_up_seconds(second, is_warm=state == "running")
                ratios[second.task] = said / app.run(second)[0]
    return [
        Row(
            f"what is said before the second job ÷ its time, engine {state}",
            f"within {FACTOR} ×",
            ", ".join(f"{task} {ratio:.2f}" for task, ratio in ratios.items()),
            all(1 / FACTOR <= ratio <= FACTOR for ratio in ratios.values()),
            dict(ratios),
        )
        for state, ratios in found.items()
    ]
