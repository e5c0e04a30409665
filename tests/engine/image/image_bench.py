"""Run image jobs in the process of the test, on the CPU, and record their events."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from studio.engine.local.devices import Device, memory_limit
from studio.engine.local.job import Job, JobCancelledError
from studio.engine.local.memory import MemoryArbiter
from studio.engine.tasks.image.model import load
from studio.engine.tasks.image.run import run
from studio.engine.tasks.image.together import run_together
from studio.kinds.image import ImageRequest
from studio.protocol import (
    Adapter,
    AssetReady,
    Event,
    InputFile,
    ModelRef,
    Preview,
    Progress,
    Recipe,
    RowFailed,
    RunJob,
    Warned,
)
from tests.engine import tiny_pipelines
from tests.engine.group_run import run_group

IGNORE_LIBRARIES = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
"""What diffusers says about its own use of numpy and torch."""

# For networks this small, several threads cost more than they gain.
torch.set_num_threads(1)

SIDE = tiny_pipelines.SIDE


@dataclass
class Outcome:
    """The events of a job, and the folder of its files."""

    folder: Path
    events: list[Event] = field(default_factory=list)

    def of(self, kind: type[Any]) -> list[Any]:
        """Return the events of a kind, in order."""
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def assets(self) -> list[AssetReady]:
        return self.of(AssetReady)

    @property
    def warnings(self) -> list[str]:
        return [event.kind for event in self.of(Warned)]

    @property
    def progress(self) -> list[Progress]:
        return self.of(Progress)

    @property
    def previews(self) -> list[Preview]:
        return self.of(Preview)

    @property
    def failed(self) -> list[RowFailed]:
        return self.of(RowFailed)

    def path(self, event: AssetReady | Preview) -> Path:
        """Return the path of the file of an event."""
        return self.folder / event.file.name

    def picture(self, row: int) -> np.ndarray:
        """Return the finished picture of a row as numbers from 0 to 255."""
        (asset,) = [asset for asset in self.assets if asset.row == row]
        return np.asarray(Image.open(self.path(asset))).astype(int)


class ImageBench:
    """A device, an arbiter and a work folder for image jobs.

    Models compute in float32 unless `dtype` is changed, so that results can be compared.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.dtype = torch.float32
        self.device = Device("cpu", memory_limit(), "test")
        self.memory = MemoryArbiter(self.device)
        self.cancelled = threading.Event()

    def model(self, path: Path | str) -> ModelRef:
        """Return a reference to a family's tiny pipeline, a folder or a checkpoint."""
        if isinstance(path, str):
            path = tiny_pipelines.folder_of(path)
        kind = "diffusers" if path.is_dir() else "single_file"
        return ModelRef(id=path.name, name=path.name, task="image", format=kind, path=str(path))

    def copy_of(self, family: str) -> Path:
        """Return a copy of a tiny pipeline's folder that the test may damage."""
        target = self.folder / f"copy of {family} 副本"
        shutil.copytree(tiny_pipelines.folder_of(family), target)
        return target

    def loaded(self, path: Path | str, companions: Sequence[ModelRef] = ()) -> load.LoadedPipeline:
        """Return the pipeline that the next run of this model will use."""
        job = self.job(lambda _: None)
        return load.acquire(self.model(path), self.device, self.memory, job, companions)

    def job(self, send: Callable[[Event], None]) -> Job:
        return Job("1", self.folder / "work", send, self.cancelled)

    def draw(
        self,
        path: Path | str,
        rows: tuple[int, ...] = (0,),
        *,
        on_event: Callable[[Event], None] = lambda _: None,
        start: Path | None = None,
        adapters: Sequence[tuple[ModelRef, float]] = (),
        companions: Sequence[ModelRef] = (),
        saves_memory: bool = False,
        **request: Any,
    ) -> Outcome:
        """Run an image job to its end and return its outcome. Raises what the job raises."""
        outcome = Outcome(self.folder / "work")

        def send(event: Event) -> None:
            outcome.events.append(event)
            on_event(event)

        wanted: dict[str, Any] = {"prompt": "a red cat", "seed": 40, "steps": 3}
        wanted |= {"width": SIDE, "height": SIDE, "count": max(rows) + 1, **request}
        if start is not None:
            wanted["image"] = InputFile(str(start))
        wanted["adapters"] = tuple(Adapter(ref.id, weight) for ref, weight in adapters)
        command = RunJob(
            job="1",
            request=ImageRequest(**wanted),
            rows=rows,
            model=self.model(path),
            extra_models=(*(ref for ref, _ in adapters), *companions),
            work_dir=str(self.folder / "work"),
            saves_memory=saves_memory,
        )
        run(self.job(send), command, self.memory, self.device)
        return outcome

    def draw_together(
        self,
        path: Path | str,
        requests: Sequence[dict[str, Any]],
        *,
        cancel: str = "",
        at: Callable[[Event], bool] = lambda _: False,
    ) -> dict[str, Outcome]:
        """Run requests together; return the outcome of each by its number.

        Cancels the part `cancel` at the first event for which `at` is true.
        """
        outcomes = {str(number): Outcome(self.folder / "work") for number in range(len(requests))}
        parts = []
        for number, fields in enumerate(requests):
            wanted: dict[str, Any] = {"steps": 3, "width": SIDE, "height": SIDE, **fields}
            request = ImageRequest(**wanted)
            parts.append(
                RunJob(
                    job=str(number),
                    request=request,
                    rows=tuple(range(request.count)),
                    model=self.model(path),
                    work_dir=str(self.folder / "work"),
                )
            )
        run_group(run_together, parts, outcomes, self.memory, self.device, cancel, at)
        return outcomes

    def draw_and_cancel(
        self, path: Path | str, rows: tuple[int, ...] = (0,), **request: Any
    ) -> None:
        """Run a job and cancel it at its first step; assert that it ends as cancelled."""

        def cancel(event: Event) -> None:
            if isinstance(event, Progress):
                self.cancelled.set()

        try:
            self.draw(path, rows, on_event=cancel, **request)
        except JobCancelledError:
            return
        finally:
            self.cancelled = threading.Event()
        raise AssertionError("the job went on although it was cancelled")


def asked(recipe: Recipe) -> ImageRequest:
    """Return the request of a picture's recipe."""
    assert isinstance(recipe.request, ImageRequest)
    return recipe.request


def picture_file(
    folder: Path, name: str = "start.png", size: tuple[int, int] = (SIDE, SIDE)
) -> Path:
    """Write a colourful picture; return its path."""
    across = np.linspace(0, 255, size[0])
    down = np.linspace(0, 255, size[1])
    red, green = np.meshgrid(across, down)
    blue = 255 - red
    path = folder / name
    Image.fromarray(np.dstack([red, green, blue]).astype(np.uint8)).save(path)
    return path
