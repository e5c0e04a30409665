"""Tokens are counted in a process of their own, as the engine will count them."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from studio.converted import converted_folder
from studio.models.token_counter import TokenCounter
from studio.protocol import Message, ModelRef, TextRequest
from studio.settings import RESOURCES

SMOL = ModelRef(
    id="smollm2-135m-instruct", name="SmolLM2", task="text", format="transformers",
    path=str(RESOURCES / "models" / "smollm2-135m-instruct"),
)  # fmt: skip


@pytest.fixture
def counter() -> Iterator[TokenCounter]:
    made = TokenCounter()
    yield made
    made.stop()


def test_a_prompt_counts_with_its_template(counter: TokenCounter) -> None:
    short = counter.count(SMOL, TextRequest(prompt="Hello"))
    longer = counter.count(SMOL, TextRequest(prompt="Hello", system_prompt="Be very brief."))
    assert short is not None and longer is not None
    assert short.context == 8192
    assert short.tokens > 5
    assert short.left_out == longer.left_out == 0


def test_what_would_be_left_out_is_told_before_sending(counter: TokenCounter) -> None:
    turns = tuple(Message("user" if n % 2 == 0 else "assistant", "word " * 700) for n in range(20))
    use = counter.count(SMOL, TextRequest(prompt="and now?", messages=turns, max_tokens=512))
    assert use is not None
    assert 0 < use.left_out < 20
    assert use.tokens <= 8192 - 512
    assert use.fits


def test_a_prompt_longer_than_the_context_does_not_fit(counter: TokenCounter) -> None:
    use = counter.count(SMOL, TextRequest(prompt="word " * 20_000))
    assert use is not None and not use.fits


def test_a_killed_counter_is_started_again(counter: TokenCounter) -> None:
    assert counter.count(SMOL, TextRequest(prompt="Hello")) is not None
    assert counter.pid is not None
    os.kill(counter.pid, signal.SIGKILL)
    assert counter.count(SMOL, TextRequest(prompt="Hello")) is not None


def test_a_folder_without_a_tokenizer_is_unknown(counter: TokenCounter, tmp_path: Path) -> None:
    model = ModelRef(id="x", name="X", task="text", format="transformers", path=str(tmp_path))
    assert counter.count(model, TextRequest(prompt="Hello")) is None
    (tmp_path / "tokenizer.json").write_text("no tokenizer")
    assert counter.count(model, TextRequest(prompt="Hello")) is None
    assert counter.count(SMOL, TextRequest(prompt="Hello")) is not None


def test_a_gguf_file_counts_once_it_is_converted(tmp_path: Path) -> None:
    source = tmp_path / "model.gguf"
    source.write_bytes(b"GGUF")
    model = ModelRef(id="x", name="X", task="text", format="gguf", path=str(source))
    counter = TokenCounter(tmp_path / "cache")
    try:
        assert counter.count(model, TextRequest(prompt="Hello")) is None
        target = converted_folder(tmp_path / "cache", source)
        target.mkdir(parents=True)
        for name in ("tokenizer.json", "tokenizer_config.json", "config.json"):
            (target / name).write_bytes((Path(SMOL.path) / name).read_bytes())
        use = counter.count(model, TextRequest(prompt="Hello"))
        assert use is not None and use.tokens > 0
    finally:
        counter.stop()


def test_nothing_is_left_after_the_end(counter: TokenCounter) -> None:
    counter.count(SMOL, TextRequest(prompt="Hello"))
    pid = counter.pid
    counter.stop()
    assert pid is not None and counter.pid is None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert counter.count(SMOL, TextRequest(prompt="Hello")) is None
