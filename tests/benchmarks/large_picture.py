"""A 12-megapixel photograph ×2, and what tiles cost in fidelity."""

from __future__ import annotations

import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import psutil
from PIL import Image

from studio.kinds.upscale import UpscaleRequest
from studio.protocol import InputFile
from tests.benchmarks.headless_app import MODELS, PHOTOGRAPH, HeadlessApp, baseline, headless_app
from tests.benchmarks.table import Row


def _watch(app: HeadlessApp, stop: threading.Event, peak: list[int]) -> None:
    while not stop.wait(0.1):
        if app.engine.pid is not None:
            try:
                peak[0] = max(peak[0], psutil.Process(app.engine.pid).memory_info().rss)
            except psutil.NoSuchProcess:
                continue


def twelve_megapixels() -> Row:
    """4000×3000 made from a photograph; the engine's largest resident size is watched."""
    with tempfile.TemporaryDirectory() as folder, headless_app() as app:
        large = Path(folder) / "large.jpg"
        Image.open(PHOTOGRAPH).convert("RGB").resize((4000, 3000), Image.Resampling.BICUBIC).save(
            large, quality=95
        )
        stop, peak = threading.Event(), [0]
        watcher = threading.Thread(target=_watch, args=(app, stop, peak))
        watcher.start()
        start = time.perf_counter()
        app.run(UpscaleRequest(input=InputFile(str(large)), scale=2, model="dat-light-x2"))
        seconds = time.perf_counter() - start
        stop.set()
        watcher.join()
        size = Image.open(app.library.assets.recent(limit=1)[0].path).size
    gigabytes = peak[0] / 1e9
    return Row(
        "12 megapixels ×2, engine's largest resident size",
        "≤ 6 GB",
        f"{gigabytes:.2f} GB, {size[0]}×{size[1]} in {seconds:.0f} s",
        gigabytes <= 6 and size == (8000, 6000),
        {"gigabytes": gigabytes, "seconds": seconds},
    )


def psnr(left: np.ndarray, right: np.ndarray) -> float:
    """Return the peak signal-to-noise ratio of two 8-bit pictures, in dB."""
    error = float(np.mean((left.astype(np.float64) - right.astype(np.float64)) ** 2))
    return float(10 * np.log10(255**2 / max(error, 1e-12)))


def _mosaic(target: Path) -> int:
    """Save the demonstration's photographs side by side, larger than one tile; return the side."""
    photographs = [
        Image.open(path).convert("RGB") for path in sorted(PHOTOGRAPH.parent.glob("*.png"))
    ]
    side = min(min(photograph.size) for photograph in photographs)
    mosaic = Image.new("RGB", (2 * side, 2 * side))
    for place in range(4):
        photograph = photographs[place % len(photographs)].crop((0, 0, side, side))
        mosaic.paste(photograph, (place % 2 * side, place // 2 * side))
    mosaic.save(target)
    return 2 * side


def tiles() -> Row:
    """A photograph ×2 in the tiles of the app, against one call of the network without tiles."""
    model = MODELS / "dat-light-x2"
    with (
        tempfile.TemporaryDirectory() as folder,
        headless_app() as app,
        baseline("upscale", str(model), str(Path(folder) / "crop.png")) as script,
    ):
        crop = Path(folder) / "crop.png"
        side = _mosaic(crop)
        app.run(UpscaleRequest(input=InputFile(str(crop)), scale=2, model="dat-light-x2"))
        asset = app.library.assets.recent(limit=1)[0]
        tiled = np.asarray(Image.open(asset.path).convert("RGB"))
        whole = np.asarray(Image.open(script.answer(1, side)["path"]).convert("RGB"))
    decibels = psnr(tiled, whole)
    return Row(
        f"tiled against untiled, {side}×{side} ×2",
        "≥ 45 dB",
        f"{decibels:.1f} dB",
        decibels >= 45,
        {"decibels": decibels, **asset.recipe.stats},
    )
