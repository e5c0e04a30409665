"""Fixtures of the text job tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from studio.protocol import ModelRef
from tests.engine.text.text_bench import TextBench, model_at, starter_model
from tests.engine.tiny_text import TEMPLATE, tiny_gguf, tiny_llama

MakeModel = Callable[[str | None], ModelRef]


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> TextBench:
    """A bench for text jobs; loaded models are kept from test to test."""
    return TextBench(tmp_path_factory.mktemp("jobs"))


@pytest.fixture(scope="module")
def starter() -> ModelRef:
    """The starter chat model."""
    model = starter_model()
    assert Path(model.path).exists(), "The starter models are missing: run `make test`."
    return model


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A folder with a tiny model whose weights are random."""
    return tiny_llama(tmp_path / "Tiny 模型")


@pytest.fixture(scope="session")
def tiny_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A GGUF file with a tiny model whose weights are random. Not to be changed."""
    return tiny_gguf(tmp_path_factory.mktemp("gguf 模型") / "tiny model.gguf")


@pytest.fixture(params=["transformers", "gguf"])
def make_either(request: pytest.FixtureRequest, tmp_path: Path) -> MakeModel:
    """Make a tiny model with a chat template, for transformers and then for llama.cpp.

    Its rows have the same result in a batch as alone.
    """

    def make(template: str | None) -> ModelRef:
        if request.param == "gguf":
            return model_at(
                tiny_gguf(tmp_path / "Tiny 模型.gguf", "llama", template, "Q8_0"), "gguf"
            )
        return model_at(tiny_llama(tmp_path / "Tiny 模型", template))

    return make


@pytest.fixture
def either(make_either: MakeModel) -> ModelRef:
    """A tiny model, run by transformers and then by llama.cpp."""
    return make_either(TEMPLATE)
