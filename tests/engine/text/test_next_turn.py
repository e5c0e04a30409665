"""An answer is read while the engine is idle: the next turn begins at once, with the same text."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path
from typing import Any

import pytest

from studio.engine.local.job import JobCancelledError
from studio.engine.local.process import Engine
from studio.engine.tasks.text.decode import decoder
from studio.engine.tasks.text.decode.decoder import Decoder
from studio.engine.tasks.text.llama.context import LlamaContext
from studio.kinds.text import TextRequest
from studio.protocol import Done, Message, ModelRef, RunJob
from tests.engine.text.text_bench import TextBench

FIRST: dict[str, Any] = {"prompt": "abc de " * 12, "regex": "[a-z]{60}", "max_tokens": 200}
NEXT: dict[str, Any] = {"prompt": "fg hi", "max_tokens": 100}
HOW: dict[str, Any] = {"seed": 3, "temperature": 1.0, "top_k": 0, "top_p": 0.95}
CHUNK = 32


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of tokens in each call of a model."""
    sizes: list[int] = []
    by_llama, by_torch = LlamaContext.decode, Decoder._forward

    def decode(self: Any, tokens: Any, *rest: Any) -> None:
        sizes.append(len(tokens))
        by_llama(self, tokens, *rest)

    def forward(self: Any, ids: Any, cache: Any) -> Any:
        sizes.append(ids.numel())
        return by_torch(self, ids, cache)

    monkeypatch.setattr(LlamaContext, "decode", decode)
    monkeypatch.setattr(Decoder, "_forward", forward)
    monkeypatch.setitem(decoder._PREFILL_TOKENS, "cpu", CHUNK)
    return sizes


def of_prompts(read: list[int]) -> int:
    return sum(size for size in read if size > 1)


def turn_after(answer: str) -> dict[str, Any]:
    said = (Message("user", FIRST["prompt"]), Message("assistant", answer))
    return {"messages": said, **NEXT, **HOW}


def test_a_turn_reads_only_what_is_new_and_its_text_is_that_of_reading_it_afresh(
    tmp_path: Path, either: ModelRef, read: list[int]
) -> None:
    bench = TextBench(tmp_path)
    first = bench.run(either, **FIRST, **HOW)
    assert first.when_idle is not None
    first.when_idle(lambda: None)
    read.clear()
    again = bench.run(either, **FIRST, **HOW)
    assert again.answers == first.answers
    assert of_prompts(read) <= 2
    assert again.when_idle is not None
    again.when_idle(lambda: None)
    following = turn_after(first.answers[0])
    read.clear()
    kept = bench.run(either, **following)
    assert kept.stats["prompt_tokens"] > 5 * CHUNK
    assert of_prompts(read) < 2 * CHUNK
    bench.memory.release_all()
    assert bench.run(either, **following).answers == kept.answers


@pytest.mark.usefixtures("read")
@pytest.mark.parametrize("stop", [2, 4])
def test_reading_on_that_is_interrupted_leaves_the_text_of_the_next_turn_as_it_is(
    tmp_path: Path, either: ModelRef, stop: int
) -> None:
    bench = TextBench(tmp_path)
    first = bench.run(either, **FIRST, **HOW)
    checks = 0

    def check() -> None:
        nonlocal checks
        # Another thread also asks now and then.
        checks += threading.current_thread() is threading.main_thread()
        if checks == stop:
            raise JobCancelledError

    assert first.when_idle is not None
    with contextlib.suppress(JobCancelledError):
        first.when_idle(check)
    following = turn_after(first.answers[0])
    found = bench.run(either, **following)
    bench.memory.release_all()
    assert bench.run(either, **following).answers == found.answers


@pytest.mark.parametrize("make_it_fail", [False, True])
def test_the_engine_reads_on_once_and_never_fails_by_it(
    tmp_path: Path, either: ModelRef, monkeypatch: pytest.MonkeyPatch, make_it_fail: bool
) -> None:
    done: list[str] = []

    def read_on(_: TextRequest, answer: str, *_rest: object) -> None:
        done.append(answer)
        if make_it_fail:
            raise MemoryError

    monkeypatch.setattr("studio.engine.tasks.text.run.read_on", read_on)
    engine = Engine(lambda _: None, "cpu")
    request = TextRequest(**FIRST, **HOW)
    command = RunJob(job="1", request=request, rows=(0,), model=either, work_dir=str(tmp_path))
    assert isinstance(engine.execute(command, threading.Event()), Done)
    assert engine.has_idle_work
    assert engine.work_while_idle(lambda: None)
    assert not engine.work_while_idle(lambda: None)
    assert len(done) == 1
    cancelled = threading.Event()
    cancelled.set()
    engine.execute(command, cancelled)
    assert not engine.work_while_idle(lambda: None)


def test_nothing_is_read_on_where_it_could_not_be_used(
    tmp_path: Path, either: ModelRef, read: list[int]
) -> None:
    short = {"prompt": "a", "max_tokens": 4, **HOW}
    assert TextBench(tmp_path).run(either, count=2, **short).when_idle is None
    bench = TextBench(tmp_path / "little memory")
    outcome = bench.run(either, **FIRST, **HOW)
    bench.memory._available = lambda: 0
    read.clear()
    assert outcome.when_idle is not None
    outcome.when_idle(lambda: None)
    bench.memory.release_all()
    outcome.when_idle(lambda: None)
    assert read == []
