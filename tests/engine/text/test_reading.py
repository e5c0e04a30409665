"""Prompts that begin alike are read once, in any pieces, with the same text as read afresh."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from studio.engine.local.job import Job
from studio.engine.tasks.text.llama.context import CHUNK
from studio.engine.tasks.text.llama.decoder import LlamaDecoder
from studio.engine.tasks.text.llama.reading import pieces, shared_calls
from studio.engine.tasks.text.model import load
from studio.formats.llama.library import llama_library
from tests.engine.text.text_bench import TextBench, model_at
from tests.engine.tiny_text import tiny_gguf

HOW: dict[str, Any] = {"temperature": 1.0, "top_k": 0, "top_p": 0.95, "max_tokens": 12}


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of the calls of llama.cpp, in tokens."""
    library = llama_library()
    assert library is not None
    decode = library.decode
    sizes: list[int] = []

    def counted(context: object, batch: Any) -> int:
        sizes.append(batch.n_tokens)
        result: int = decode(context, batch)
        return result

    monkeypatch.setattr(library, "decode", counted)
    return sizes


def decoder_of(bench: TextBench, path: Path) -> LlamaDecoder:
    job = Job("1", path.parent, lambda _: None, threading.Event())
    loaded = load.acquire(job, model_at(path, "gguf"), bench.memory, bench.device)
    assert isinstance(loaded.decoder, LlamaDecoder)
    return loaded.decoder


@pytest.mark.parametrize("length", [1, 2, 255, 256, 257, 258, 512, 513, 700])
def test_a_piece_has_one_token_only_if_it_would_have_when_read_afresh(length: int) -> None:
    afresh = list(pieces(0, length))
    assert all(end - start == CHUNK for start, end in afresh[:-1])
    ends_alone = afresh[-1][1] - afresh[-1][0] == 1
    for start in range(max(1, length - 1 - ends_alone)):
        found = list(pieces(start, length))
        assert [found[0][0], *(end for _, end in found)] == [
            *(first for first, _ in found), length]  # fmt: skip
        short = [each for each in found if each[1] - each[0] == 1]
        assert short == ([(length - 1, length)] if ends_alone else [])


def test_rests_of_about_the_same_length_are_read_together() -> None:
    lengths = {1: 10, 2: 11, 3: 12, 4: 90, 5: 95, 6: 300, 7: 20}
    assert shared_calls(lengths, 256) == [[1, 2, 3], [4, 5], [6], [7]]
    assert shared_calls({}, 256) == []
    assert sum(map(len, shared_calls(dict.fromkeys(range(10_000), 8), 256))) == 10_000


def test_the_turns_of_a_conversation_read_what_is_new(
    bench: TextBench, tmp_path: Path, calls: list[int]
) -> None:
    model = model_at(tiny_gguf(tmp_path / "tiny.gguf", kind="Q8_0"), "gguf")
    prompts = ["abc de " * 40, "abc de " * 40 + "xyz " * 20, "abc de " * 40 + "xyz " * 19 + "u"]
    fresh = []
    for prompt in prompts:
        bench.memory.release_all()
        fresh.append(bench.run(model, prompt=prompt, seed=5, **HOW))
    bench.memory.release_all()
    bench.run(model, prompt=prompts[0], seed=5, **HOW)
    for prompt, afresh in zip(prompts, fresh, strict=True):
        calls.clear()
        kept = bench.run(model, prompt=prompt, seed=5, **HOW)
        assert kept.answers == afresh.answers
    # The last one changed only the end of the prompt before.
    assert fresh[2].stats["prompt_tokens"] > 300
    assert max(calls) < 20


def test_variations_read_their_prompt_once(
    bench: TextBench, tmp_path: Path, calls: list[int]
) -> None:
    model = model_at(tiny_gguf(tmp_path / "tiny.gguf", kind="Q8_0"), "gguf")
    bench.run(model, prompt="x", count=4, seed=1, **HOW)
    calls.clear()
    outcome = bench.run(model, prompt="abc " * 60, count=4, seed=1, **HOW)
    assert sum(size for size in calls if size > 4) == outcome.stats["prompt_tokens"]
    assert max(calls[1:]) <= 4


def test_rows_of_a_table_read_their_common_beginning_once(
    bench: TextBench, tmp_path: Path, calls: list[int]
) -> None:
    model = model_at(tiny_gguf(tmp_path / "tiny.gguf", kind="Q8_0"), "gguf")
    requests: list[dict[str, Any]] = [
        {"prompt": "abc " * 80 + word * length, "seed": length, **HOW}
        for length, word in enumerate(("d ", "ef ", "gh", "d ", "klm ", "no "), 1)
    ]
    alone = [bench.run(model, **request) for request in requests]
    bench.together(model, requests)
    decoder_of(bench, Path(model.path)).forget()
    calls.clear()
    together = bench.together(model, requests)
    for outcome, expected in zip(together.values(), alone, strict=True):
        assert outcome.answers == expected.answers
    read = sum(size for size in calls if size > len(requests))
    assert read < 2 * max(outcome.stats["prompt_tokens"] for outcome in alone)


def test_a_prompt_that_goes_on_after_a_token_read_alone_has_the_result_of_reading_it_afresh(
    bench: TextBench, tmp_path: Path
) -> None:
    decoder = decoder_of(bench, tiny_gguf(tmp_path / "tiny.gguf", kind="Q8_0"))
    prompt = [(7 * place) % 200 for place in range(CHUNK + 60)]
    expected = decoder.prefill(prompt, lambda: None, 100).logits
    decoder.forget()
    for known in (100, 200, CHUNK + 1):  # the first two have reading in pieces tested
        decoder.prefill(prompt[:known], lambda: None, 160 + CHUNK - known)
    found = decoder.prefill(prompt, lambda: None, 100).logits
    assert expected is not None and found is not None
    assert (found == expected).all()


def test_a_prompt_is_read_again_after_a_cancel_in_its_middle(
    bench: TextBench, tmp_path: Path
) -> None:
    decoder = decoder_of(bench, tiny_gguf(tmp_path / "tiny.gguf", kind="Q8_0"))
    prompt = [(7 * place) % 200 for place in range(400)]
    expected = decoder.prefill(prompt, lambda: None).logits
    decoder.forget()
    checks = 0

    def stop() -> None:
        nonlocal checks
        # Another thread also asks now and then, to interrupt a call.
        checks += threading.current_thread() is threading.main_thread()
        if checks == 2:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        decoder.prefill(prompt, stop)
    found = decoder.prefill(prompt, lambda: None).logits
    assert expected is not None and found is not None
    assert (found == expected).all()
