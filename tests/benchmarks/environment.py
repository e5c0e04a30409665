"""Each task with the engine's environment settings against without them."""

from __future__ import annotations

import tempfile
from pathlib import Path

from PIL import Image

from studio.kinds.image import ImageRequest
from studio.kinds.text import TextRequest
from studio.kinds.upscale import UpscaleRequest
from studio.protocol import InputFile, Request
from tests.benchmarks.baseline import PROMPT
from tests.benchmarks.headless_app import MODELS, PHOTOGRAPH, HeadlessApp, headless_app
from tests.benchmarks.table import Row, pairs, spread


def settings(rounds: int) -> list[Row]:
    """One row a task: seconds (for text per token) with ÷ without."""
    rows: list[Row] = []
    with (
        tempfile.TemporaryDirectory() as folder,
        headless_app() as tuned,
        headless_app(tuned=False) as plain,
    ):
        crop = Path(folder) / "crop.png"
        Image.open(PHOTOGRAPH).convert("RGB").crop((0, 0, 128, 128)).save(crop)
        jobs: dict[str, Request] = {
            "text": TextRequest(
                prompt=PROMPT, model="smollm2-135m-instruct", max_tokens=64, seed=7, count=4
            ),
            "upscale": UpscaleRequest(input=InputFile(str(crop)), scale=2, model="dat-light-x2"),
        }
        if (MODELS / "starter-icons" / "model_index.json").exists():
            jobs["image"] = ImageRequest(
                prompt="a red apple, 3d style", model="starter-icons", steps=20, seed=7
            )
        for name, request in jobs.items():

            def seconds(app: HeadlessApp, request: Request = request) -> float:
                taken, tokens = app.run(request)
                return float(taken / tokens if tokens else taken)

            seconds(tuned), seconds(plain)
            _, _, ratios = pairs(lambda: seconds(tuned), lambda: seconds(plain), rounds)
            rows.append(
                Row(
                    f"engine settings, {name}: time with ÷ without",
                    "only what helps is kept",
                    spread(ratios),
                    None,
                    {"ratios": ratios},
                )
            )
    return rows
