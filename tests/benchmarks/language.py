"""Language models in GGUF files through the app against bare llama.cpp."""

from __future__ import annotations

import itertools
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from studio.kinds.text import TextRequest
from studio.protocol import Message
from tests.benchmarks.baseline import PENALTY, PROMPT, TEMPERATURE, TOP_K, TOP_P
from tests.benchmarks.headless_app import MODELS, HeadlessApp, baseline, headless_app
from tests.benchmarks.table import Row, pairs, spread

_STARTER = MODELS / "smollm2-135m-instruct"
_TOKENS = 64
_PROMPT_TOKENS = 4000
_WIDTH, _LAYERS, _INNER, _HEADS, _KV_HEADS = 1536, 24, 4096, 24, 8
_CONTEXT = 8192
_CELLS = 512
"""Tokens that the KV cache has room for: see the decoder."""
_ALLOWED_BYTES = 300_000_000
_VOCABULARY = ("tokenizer.ggml.", "tokenizer.chat_template")


def write_model(path: Path) -> None:
    """Write a model of 0.7 billion random weights in Q4_0, with the starter's vocabulary."""
    import gguf

    header = gguf.GGUFReader(next(_STARTER.glob("*.gguf")))
    writer = gguf.GGUFWriter(str(path), "llama")
    for name, value in header.fields.items():
        if not name.startswith(_VOCABULARY):
            continue
        kind = value.types[0]
        inner = value.types[-1] if kind == gguf.GGUFValueType.ARRAY else None
        writer.add_key_value(name, value.contents(), kind, inner)
    words = len(header.fields["tokenizer.ggml.tokens"].data)
    writer.add_name("Random")
    writer.add_context_length(_CONTEXT)
    writer.add_embedding_length(_WIDTH)
    writer.add_block_count(_LAYERS)
    writer.add_feed_forward_length(_INNER)
    writer.add_head_count(_HEADS)
    writer.add_head_count_kv(_KV_HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(_WIDTH // _HEADS)
    chance = np.random.default_rng(0)

    def add(name: str, rows: int, columns: int) -> None:
        # Blocks of 32 weights: a scale in 16 bits, and four bits for each weight.
        blocks = np.empty((rows, columns // 32, 18), np.uint8)
        blocks[..., :2] = np.array([0.006], np.float16).view(np.uint8)
        blocks[..., 2:] = chance.integers(0, 256, (rows, columns // 32, 16), np.uint8)
        writer.add_tensor(name, blocks.reshape(rows, -1), raw_dtype=gguf.GGMLQuantizationType.Q4_0)

    ones = np.ones(_WIDTH, np.float32)
    keys = _WIDTH // _HEADS * _KV_HEADS
    add("token_embd.weight", words, _WIDTH)
    writer.add_tensor("output_norm.weight", ones)
    for number in range(_LAYERS):
        block = f"blk.{number}."
        writer.add_tensor(f"{block}attn_norm.weight", ones)
        writer.add_tensor(f"{block}ffn_norm.weight", ones)
        add(f"{block}attn_q.weight", _WIDTH, _WIDTH)
        add(f"{block}attn_k.weight", keys, _WIDTH)
        add(f"{block}attn_v.weight", keys, _WIDTH)
        add(f"{block}attn_output.weight", _WIDTH, _WIDTH)
        add(f"{block}ffn_gate.weight", _INNER, _WIDTH)
        add(f"{block}ffn_up.weight", _INNER, _WIDTH)
        add(f"{block}ffn_down.weight", _WIDTH, _INNER)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _story(model: str, **fields: Any) -> TextRequest:
    values: dict[str, Any] = {
        "prompt": PROMPT,
        "max_tokens": _TOKENS,
        "seed": 7,
        "temperature": TEMPERATURE,
        "top_p": TOP_P,
        "top_k": TOP_K,
        "repetition_penalty": PENALTY,
    }
    return TextRequest(model=model, **(values | fields))


def large_model(rounds: int) -> list[Row]:
    """One stream and the memory of a model of 0.7 billion random weights in Q4."""
    with tempfile.TemporaryDirectory() as place, headless_app() as app:
        file = Path(place) / "random.gguf"
        write_model(file)
        model = app.registry.add(file).id
        with baseline("text", place) as script:

            def ours() -> float:
                seconds, tokens = app.run(_story(model))
                return tokens / seconds

            def theirs() -> float:
                seconds, tokens = script.run(1, _TOKENS)
                return tokens / seconds

            ours(), theirs()
            memory = _memory(app, file)
            left, right, ratios = pairs(ours, theirs, rounds)
    stream = Row(
        "one stream of a 0.7 B model in Q4 through the app ÷ bare llama.cpp, tokens/s",
        "≥ 0.95",
        f"{spread(ratios)}; {statistics.median(left):.1f} against {statistics.median(right):.1f}",
        statistics.median(ratios) >= 0.95,
        {"ratios": ratios, "ours": left, "theirs": right},
    )
    return [stream, memory]


def _memory(app: HeadlessApp, file: Path) -> Row:
    """The engine's memory beyond the file of its model and the KV cache."""
    engine = psutil.Process(app.engine.pid)
    size = file.stat().st_size
    cache = _CELLS * _LAYERS * _WIDTH // _HEADS * _KV_HEADS * 2 * 2
    beyond = engine.memory_info().rss - size - cache
    return Row(
        "resident memory of the engine beyond the file of the 0.7 B model and its KV cache",
        "≤ 300 MB",
        f"{beyond / 1e6:.0f} MB",
        beyond <= _ALLOWED_BYTES,
        {"beyond": float(beyond), "file": float(size)},
    )


def first_token(rounds: int) -> Row:
    """Seconds to the first token after a prompt of about 4,000 tokens, never seen before."""
    with headless_app() as app, baseline("load", str(_STARTER)) as script:
        numbers = itertools.count()
        length = 0

        def ours() -> float:
            nonlocal length
            prompt = f"{next(numbers)} " + "The sea is blue. " * (_PROMPT_TOKENS // 5)
            _, [recipe] = app.recipes([_story(_STARTER.name, prompt=prompt, max_tokens=1)])
            length = int(recipe.stats["prompt_tokens"])
            return recipe.stats["time_to_first_token"]

        def theirs() -> float:
            return script.run(1, length)[0]

        app.run(_story(_STARTER.name, max_tokens=1))
        left, right, ratios = pairs(ours, theirs, rounds)
    return Row(
        f"prompt of {length} tokens, time to first token ÷ bare llama.cpp",
        "≤ 1.05",
        f"{spread(ratios)}; {statistics.median(left):.1f} s",
        statistics.median(ratios) <= 1.05,
        {"ratios": ratios, "ours": left, "theirs": right},
    )


def turns(number: int = 10) -> Row:
    """Seconds to the first token of the last turn of a conversation ÷ those of its first turn.

    Between two turns the engine has the time to read its answer, as it has while a person reads it.
    llama.cpp alone reads as many tokens in the same places: attention to a long conversation takes
    time, which a small model shows most.
    """
    with headless_app() as app, baseline("turns", str(_STARTER)) as script:
        app.run(_story(_STARTER.name, max_tokens=1))
        seconds: list[float] = []
        lengths: list[int] = []
        messages: list[Message] = []
        for turn in range(number):
            prompt = f"{turn} " + "The sea is blue. " * (_PROMPT_TOKENS // number // 6)
            story = _story(_STARTER.name, prompt=prompt, messages=tuple(messages), max_tokens=48)
            answer, recipe = app.answer(story)
            _wait_until_idle(app)
            seconds.append(recipe.stats["time_to_first_token"])
            lengths.append(int(recipe.stats["prompt_tokens"]))
            messages += [Message("user", prompt), Message("assistant", answer)]
        first = script.run(0, lengths[0])[0]
        script.run(lengths[0], lengths[-2])
        last = script.run(lengths[-2], lengths[-1])[0]
    ratio = seconds[-1] / seconds[0]
    return Row(
        f"time to first token, turn {number} of {lengths[-1]} tokens ÷ turn 1",
        "≤ 1.2",
        f"{ratio:.2f}; bare llama.cpp {last / first:.2f}",
        ratio <= 1.2,
        {"seconds": seconds, "bare": [first, last]},
    )


def _wait_until_idle(app: HeadlessApp) -> None:
    """Wait until the engine has not computed anything for a second."""
    engine = psutil.Process(app.engine.pid)
    before, now = -1.0, 0.0
    while now - before > 0.1:
        time.sleep(1.0)
        before, now = now, sum(engine.cpu_times()[:2])


def load(rounds: int) -> Row:
    """Seconds to load the starter, whose file is in the page cache."""
    with baseline("load", str(_STARTER)) as script:

        def ours() -> float:
            with headless_app() as app:
                _, [recipe] = app.recipes([_story(_STARTER.name, max_tokens=1)])
                return recipe.timings["load"]

        def theirs() -> float:
            return script.run(1, 0)[0]

        theirs()
        left, right, ratios = pairs(ours, theirs, rounds)
    return Row(
        "load the starter for text ÷ bare llama.cpp",
        "≤ 1.2",
        f"{spread(ratios)}; {statistics.median(left):.2f} s",
        statistics.median(ratios) <= 1.2,
        {"ratios": ratios, "ours": left, "theirs": right},
    )
