"""GGUF files are run by llama.cpp; without it they are converted once into a folder."""

from __future__ import annotations

import ctypes
import os
import threading
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from transformers import AutoTokenizer

from studio.engine.local.job import Job, JobCancelledError
from studio.engine.tasks.text.model import load
from studio.engine.tasks.text.model.convert import convert, converted_model
from studio.formats.chat.chat_template import read_template
from studio.formats.llama.library import llama_library
from studio.formats.weights.gguf_cache import CACHE_VARIABLE, converted_folder
from studio.models.identify import describe_path
from studio.models.token_count_messages import Conversation
from studio.models.token_counter import TokenCounter
from studio.protocol import Event, Loading, ModelRef, ProblemError, TextDelta
from tests.engine.text.text_bench import TextBench, model_at
from tests.engine.tiny_text import LAYOUTS, TEMPLATE, tiny_gguf


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "my models 模型"
    folder.mkdir()
    return tiny_gguf(folder / "tiny model.gguf")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache"


def gguf(path: Path) -> ModelRef:
    return model_at(path, "gguf")


@pytest.fixture
def no_llama(monkeypatch: pytest.MonkeyPatch) -> None:
    """No package has llama.cpp for this system."""
    monkeypatch.setattr(load, "llama_library", lambda: None)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_is_loaded_generates_and_is_cancelled(
    bench: TextBench, tmp_path: Path, cache: Path, layout: str
) -> None:
    model = gguf(tiny_gguf(tmp_path / f"{layout}.gguf", layout))
    outcome = bench.run(model, prompt="abc 模型", count=2, seed=1, max_tokens=12)
    assert len(set(outcome.answers.values())) == 2
    assert sorted(outcome.streamed) == [0, 1]
    again = bench.run(model, prompt="abc 模型", seed=2, max_tokens=12)
    assert again.answers[0] == outcome.answers[1]
    with pytest.raises(JobCancelledError):
        bench.run(model, prompt="x", max_tokens=400, at=lambda event: isinstance(event, TextDelta))
    assert not cache.exists()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_rows_of_a_batch_of_quantised_weights_equal_those_alone(
    bench: TextBench, tmp_path: Path, layout: str
) -> None:
    model = gguf(tiny_gguf(tmp_path / f"{layout}.gguf", layout, kind="Q8_0"))
    loaded = load.acquire(Job("1", tmp_path, lambda _: None, threading.Event()), model,
                          bench.memory, bench.device)  # fmt: skip
    assert loaded.decoder.largest_batch(8, 400, lambda: None) == 8
    request: dict[str, Any] = {"prompt": "abc " * 20, "max_tokens": 40, "temperature": 1.0}
    batch = bench.run(model, count=8, seed=3, **request)
    assert len(set(batch.answers.values())) > 4
    for row in (0, 3, 7):
        assert bench.run(model, seed=3 + row, **request).answers[0] == batch.answers[row]
    assert batch.recipes[0].adjustments == ()


def test_the_counter_counts_the_tokens_that_the_engine_reads_of_a_file(
    bench: TextBench, tiny_file: Path
) -> None:
    fields: dict[str, Any] = {"prompt": "¿Qué? 狐狸 12 <|im_end|>", "system_prompt": "Be brief."}
    read = bench.run(gguf(tiny_file), **fields, max_tokens=2).stats["prompt_tokens"]
    counter = TokenCounter()
    try:
        use = counter.count(gguf(tiny_file), Conversation(**fields), 2)
    finally:
        counter.stop()
    assert use is not None
    assert (use.tokens, use.context) == (read, 512)


def test_fast_variations_share_a_batch_and_say_so(bench: TextBench, tiny_file: Path) -> None:
    model = gguf(tiny_file)
    exact = bench.run(model, prompt="x", count=4, seed=1, max_tokens=6)
    fast = bench.run(model, prompt="x", count=4, seed=1, max_tokens=6, fast_variations=True)
    assert exact.recipes[0].adjustments == ()
    assert "alone, the text may differ" in fast.recipes[3].adjustments[0]
    assert fast.recipes[3].request.fast_variations
    assert len(fast.answers) == 4


def test_a_calculation_is_stopped_by_a_cancel(
    bench: TextBench, tiny_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cancelled = threading.Event()
    job = Job("1", tiny_file.parent, lambda _: None, cancelled)
    loaded = load.acquire(job, gguf(tiny_file), bench.memory, bench.device)
    library = llama_library()
    assert library is not None
    decode, set_callback = library.decode, library.set_abort_callback
    flags: list[int | None] = []
    results: list[int] = []

    def keep_flag(context: object, function: object, flag: int | None) -> None:
        flags.append(flag)
        set_callback(context, function, flag)

    def cancelled_decode(*arguments: object) -> int:
        cancelled.set()
        assert flags[-1] is not None
        while not ctypes.string_at(flags[-1]):
            threading.Event().wait(0.001)
        results.append(decode(*arguments))
        return results[-1]

    with monkeypatch.context() as patch:
        patch.setattr(library, "set_abort_callback", keep_flag)
        patch.setattr(library, "decode", cancelled_decode)
        with pytest.raises(JobCancelledError):
            loaded.decoder.prefill([5] * 200, job.check)
    assert results == [2]
    assert bench.run(gguf(tiny_file), prompt="x", max_tokens=4).answers[0]


@pytest.mark.usefixtures("no_llama")
def test_a_file_is_converted_once_and_generates_text(
    bench: TextBench, source: Path, cache: Path
) -> None:
    first = bench.run(gguf(source), prompt="abc", count=2, seed=1, max_tokens=6)
    folder = converted_folder(cache, source)
    written = (folder / "model.safetensors").stat().st_mtime_ns
    bench.memory.release_all()
    again = bench.run(gguf(source), prompt="abc", count=2, seed=1, max_tokens=6)
    assert again.answers == first.answers
    assert (folder / "model.safetensors").stat().st_mtime_ns == written
    assert first.recipes[0].model_name == "tiny model.gguf"


@pytest.mark.usefixtures("no_llama")
def test_a_changed_file_is_converted_again(bench: TextBench, source: Path, cache: Path) -> None:
    bench.run(gguf(source), prompt="a", max_tokens=2)
    before = converted_folder(cache, source)
    os.utime(source, ns=(1, 1))
    bench.run(gguf(source), prompt="a", max_tokens=2)
    assert not before.exists()
    assert converted_folder(cache, source).is_dir()


def test_metadata_of_a_file_is_kept(job: Job, source: Path, tmp_path: Path) -> None:
    (source.parent / "LICENSE").write_text("Do as you like.")
    convert(job, source, tmp_path / "out")
    card = (tmp_path / "out" / "README.md").read_text("utf-8")
    assert "license: mit" in card
    assert "Nobody" in card
    assert "tiny model.gguf" in card
    assert (tmp_path / "out" / "LICENSE").read_text() == "Do as you like."
    template, special = read_template(tmp_path / "out")
    assert template == TEMPLATE
    assert special["eos_token"] == "<|im_end|>"
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "out")
    assert len(tokenizer("12 ab")["input_ids"]) == 4


def test_a_cancelled_conversion_leaves_nothing(source: Path, tmp_path: Path) -> None:
    cancelled = threading.Event()

    def stop_at_weights(event: Event) -> None:
        if isinstance(event, Loading) and event.fraction:
            cancelled.set()

    job = Job("1", tmp_path / "work", stop_at_weights, cancelled)
    (tmp_path / "there").mkdir()
    with pytest.raises(JobCancelledError):
        convert(job, source, tmp_path / "there" / "out")
    assert list((tmp_path / "there").iterdir()) == []


def test_leftovers_of_a_killed_process_are_removed(job: Job, source: Path, cache: Path) -> None:
    folder = converted_folder(cache, source)
    left = folder.with_name(f".{folder.name}.0123abcd.part")
    left.mkdir(parents=True)
    (left / "model.safetensors").write_bytes(b"half")
    assert converted_model(job, source) == folder
    assert [path for path in folder.parent.iterdir() if path.is_dir()] == [folder]


def test_a_conversion_by_another_process_is_waited_for(source: Path, cache: Path) -> None:
    folder = converted_folder(cache, source)
    folder.parent.mkdir(parents=True)
    found: list[Path] = []
    waits = threading.Event()
    job = Job("1", cache, lambda _: waits.set(), threading.Event())
    second = threading.Thread(target=lambda: found.append(converted_model(job, source)))
    with FileLock(folder.with_name(".lock")):
        second.start()
        assert waits.wait(60)
        folder.mkdir()
        (folder / "config.json").write_text("by the first")
    second.join(60)
    assert found == [folder]
    assert [path.name for path in folder.iterdir()] == ["config.json"]


def test_waiting_for_another_process_can_be_cancelled(source: Path, cache: Path) -> None:
    folder = converted_folder(cache, source)
    folder.parent.mkdir(parents=True)
    cancelled = threading.Event()
    job = Job("1", cache, lambda _: cancelled.set(), cancelled)
    with FileLock(folder.with_name(".lock")), pytest.raises(JobCancelledError):
        converted_model(job, source)
    assert not folder.exists()


def test_a_cache_that_is_not_writable_is_reported(job: Job, source: Path, cache: Path) -> None:
    cache.write_text("in the way")
    with pytest.raises(ProblemError) as caught:
        converted_model(job, source)
    assert caught.value.problem.kind == "bad_input"
    assert "saved" in str(caught.value)


def test_an_existing_folder_is_not_changed(job: Job, source: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(FileExistsError):
        convert(job, source, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def refusal(bench: TextBench, path: Path) -> tuple[str, str]:
    with pytest.raises(ProblemError) as caught:
        bench.run(gguf(path), prompt="x")
    return caught.value.problem.kind, str(caught.value)


def test_an_unknown_architecture_is_named(bench: TextBench, cache: Path, tmp_path: Path) -> None:
    kind, text = refusal(bench, tiny_gguf(tmp_path / "odd.gguf", "whatsit"))
    assert kind == "bad_input"
    assert "whatsit" in text
    assert not cache.exists()


@pytest.mark.usefixtures("cache")
@pytest.mark.parametrize("size", [0, 3, 100, 5_000, -100])
def test_a_truncated_file_is_broken(bench: TextBench, source: Path, size: int) -> None:
    source.write_bytes(source.read_bytes()[:size])
    kind, text = refusal(bench, source)
    assert kind == "model_broken"
    assert "tiny model.gguf" in text


@pytest.mark.usefixtures("cache")
def test_a_file_that_is_no_gguf_is_broken(bench: TextBench, source: Path) -> None:
    source.write_bytes(b"<html>" * 5000)
    assert refusal(bench, source)[0] == "model_broken"


def test_a_read_only_target_is_reported(job: Job, source: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ProblemError) as caught:
        convert(job, source, tmp_path / "file" / "out")
    assert caught.value.problem.kind == "bad_input"
    assert "saved" in str(caught.value)


def test_a_model_split_over_several_files_gives_the_text_of_the_whole(
    bench: TextBench, tmp_path: Path
) -> None:
    whole = tiny_gguf(tmp_path / "whole.gguf")
    tiny_gguf(tmp_path / "split.gguf", tensors_a_part=8)
    parts = sorted(tmp_path.glob("split-*.gguf"))
    assert len(parts) > 1
    split = describe_path(parts[-1])
    assert split.path == str(parts[0])
    assert split.size == sum(part.stat().st_size for part in parts)
    fields: dict[str, Any] = {"prompt": "ab", "seed": 3, "max_tokens": 12, "temperature": 0.0}
    expected = bench.run(model_at(whole, "gguf"), **fields).answers
    assert bench.run(split, **fields).answers == expected
