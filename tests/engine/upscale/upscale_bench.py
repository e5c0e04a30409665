"""Helpers of the upscaler tests: pictures, the starter models, and jobs in this process."""

from __future__ import annotations

import io
import struct
import threading
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from studio.engine.local.devices import Device
from studio.engine.local.job import Job
from studio.engine.local.memory import MemoryArbiter
from studio.engine.tasks.upscale.run import run
from studio.kinds.upscale import UpscaleRequest
from studio.protocol import AssetReady, Event, InputFile, ModelRef, Recipe, RunJob, Warned
from studio.settings import default_paths


def starter(name: str) -> ModelRef:
    """Return one of the starter models, e.g. `dat-light-x2`."""
    path = default_paths().starter / name
    return ModelRef(id=name, name=name, task="upscale", format="spandrel", path=str(path))


def photograph(height: int, width: int, channels: int = 3, seed: int = 1) -> np.ndarray:
    """Return an 8-bit picture with gradients, edges and texture, like a photograph."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width] / 40
    planes = []
    for channel in range(channels):
        plane = np.sin(x * 1.3 + channel) + np.cos(y * 1.7 - channel) + np.sin(x * y * 0.4)
        plane += np.where((x - 1.2) ** 2 + (y - 0.8) ** 2 < 0.3, 1.2, 0)
        plane += np.where((np.floor(x * 3) + np.floor(y * 3)) % 2, 0.3, 0) + random.normal(
            0, 0.05, (height, width)
        )
        planes.append(plane)
    picture = np.stack(planes, axis=2)
    picture -= picture.min()
    scaled: np.ndarray = picture / picture.max() * 255
    return scaled.astype(np.uint8)


def decibels(left: np.ndarray, right: np.ndarray, largest: float = 255) -> float:
    """Return the peak signal-to-noise ratio of two pictures."""
    error = float(np.mean((left.astype(np.float64) - right.astype(np.float64)) ** 2))
    return float(10 * np.log10(largest**2 / max(error, 1e-12)))


def pretend_size(path: Path, width: int, height: int) -> None:
    """Change the size in the header of a PNG, but not its pixels."""
    data = io.BytesIO()
    Image.new("RGB", (1, 1)).save(data, "PNG")
    header = bytearray(data.getvalue())
    header[16:24] = struct.pack(">II", width, height)
    header[29:33] = struct.pack(">I", zlib.crc32(header[12:29]))
    path.write_bytes(header)


@dataclass
class UpscaleBench:
    """Run upscaling jobs in this process, one after another, and keep their events."""

    folder: Path
    memory: MemoryArbiter
    device: Device
    events: list[Event] = field(default_factory=list)
    cancelled: threading.Event = field(default_factory=threading.Event)
    at_event: Callable[[Event], None] = lambda _event: None

    def run(
        self,
        source: Path,
        scale: Literal[2, 3, 4] = 2,
        model: ModelRef | None = None,
        *,
        saves_memory: bool = False,
        drawing: bool = False,
        format: Literal["input", "png", "jpeg", "webp"] = "input",
    ) -> Path:
        """Run one job and return its file."""
        self.events = []
        job = Job("job", self.folder, self._take, self.cancelled)
        command = RunJob(
            job="job",
            request=UpscaleRequest(
                input=InputFile(str(source)), scale=scale, seed=5, drawing=drawing, format=format
            ),
            rows=(0,),
            model=model or starter(f"dat-light-x{scale}"),
            work_dir=str(self.folder),
            saves_memory=saves_memory,
        )
        run(job, command, self.memory, self.device)
        return self.folder / self.asset.file.name

    def _take(self, event: Event) -> None:
        self.events.append(event)
        self.at_event(event)

    @property
    def asset(self) -> AssetReady:
        """The one asset of the last job."""
        (asset,) = [event for event in self.events if isinstance(event, AssetReady)]
        return asset

    @property
    def recipe(self) -> Recipe:
        """The recipe of the last job's asset."""
        return self.asset.recipe

    @property
    def warnings(self) -> list[str]:
        """The kinds of the warnings of the last job."""
        return [event.kind for event in self.events if isinstance(event, Warned)]
