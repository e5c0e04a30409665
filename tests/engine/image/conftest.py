"""Fixtures of the image job tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from studio.engine.tasks.image.model import load
from tests.engine.image.image_bench import ImageBench


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ImageBench:
    """Image jobs on the CPU in float32."""
    made = ImageBench(tmp_path)
    monkeypatch.setattr(load, "best_dtype", lambda _: made.dtype)
    return made
