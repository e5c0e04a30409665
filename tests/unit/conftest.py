"""A library in a temporary folder, results to record in it, and the folders of the app."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from studio.kinds.image import ImageRequest
from studio.kinds.text import TextRequest
from studio.library.records import Asset, Job
from studio.library.store import Library
from studio.protocol import Recipe, Request
from studio.settings import Paths


@pytest.fixture(autouse=True)
def _state_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_HOME", str(tmp_path / "state of the app"))


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    opened = Library.open(tmp_path / "图库 📚")
    yield opened
    opened.close()


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    home = tmp_path / "家 home"
    return Paths(
        settings=home / "settings.json",
        library=home / "library",
        models=home / "models",
        starter=home / "starter",
        logs=home / "logs",
        cache=home / "cache",
    )


CREATED = "2026-01-02T03:04:05+00:00"


def recipe_for(request: Request, row: int = 0, created: str = CREATED) -> Recipe:
    """Return the recipe that an engine would send with a row."""
    seed = (request.seed or 0) + row
    return Recipe(
        app="Prompt Studio test",
        request=request,
        row=row,
        seed=seed,
        created=created,
        model_id="tiny",
        model_name="Tiny",
        timings={"generate": 0.5},
    )


def png_bytes(size: tuple[int, int] = (6, 4)) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, "teal").save(file, "PNG")
    return file.getvalue()


def record(
    library: Library,
    job: Job,
    row: int = 0,
    content: bytes | None = None,
    created: str = CREATED,
) -> Asset:
    """Record a row of a job as if the engine had made it."""
    is_text = isinstance(job.request, TextRequest)
    if content is None:
        content = b"An answer." if is_text else png_bytes()
    temporary = library.work_dir(job) / f"row-{row}.{'txt' if is_text else 'png'}"
    temporary.write_bytes(content)
    return library.record_asset(job, row, temporary, recipe_for(job.request, row, created))


def enqueue(library: Library, prompt: str = "a fox", **fields: Any) -> Job:
    """Enqueue one image request."""
    return library.queue.enqueue([ImageRequest(prompt=prompt, seed=5, **fields)])[0]
