"""Fixtures of the text job tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from studio.protocol import ModelRef
from tests.engine.text.text_bench import TextBench, starter_model
from tests.engine.tiny_text import tiny_llama


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> TextBench:
    """A bench for text jobs; loaded models are kept from test to test."""
    return TextBench(tmp_path_factory.mktemp("jobs"))


@pytest.fixture(scope="module")
def starter() -> ModelRef:
    """The starter chat model."""
    model = starter_model()
    assert Path(model.path).is_dir(), "The starter models are missing: run `make test`."
    return model


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A folder with a tiny model whose weights are random."""
    return tiny_llama(tmp_path / "Tiny 模型")
