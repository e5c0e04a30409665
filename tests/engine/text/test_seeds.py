"""The text of a row depends on its seed alone, not on the other rows of its batch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from studio.engine.tasks.text.decode.batch_invariance import (
    WIDTHS,
    InvariantWidths,
    invariant_widths,
)
from studio.engine.tasks.text.decode.decoder import Decoder
from studio.engine.tasks.text.decode.sampling import Sampling
from studio.engine.tasks.text.decode.text_decoder import Row
from studio.protocol import MAX_SEED, ModelRef
from tests.engine.text.text_bench import TextBench
from tests.engine.tiny_text import SMALL, tiny_model

STORY = "Write a long story about a fox who learns to ride a bicycle."
PLAIN = Sampling(temperature=1.0, top_p=0.95, top_k=20, repetition_penalty=1.1)
LAYERS = {"layer_types": ["full_attention", "sliding_attention"], "sliding_window": 6}
FAMILIES: dict[str, dict[str, Any]] = {
    "Llama": SMALL,
    "Qwen2": SMALL,
    "GPT2": {"n_embd": 64, "n_layer": 2, "n_head": 4, "n_positions": 512},
    "Gemma3Text": SMALL | LAYERS | {"head_dim": 16},
    "Mamba": {"hidden_size": 64, "num_hidden_layers": 2, "state_size": 8},
    "Lfm2": SMALL | {"layer_types": ["conv", "full_attention"]},
}


def tokens_of(decoder: Decoder, seeds: list[int], prompt: list[int], number: int = 12) -> list[Any]:
    rows: list[list[int]] = [[] for _ in seeds]
    ends = frozenset[int]()
    read = decoder.prefill(prompt, lambda: None)
    for step in decoder.generate([Row(read, s, number) for s in seeds], PLAIN, ends, lambda: None):
        for row, token in step:
            rows[row].append(token)
    return rows


def test_a_row_of_a_batch_equals_its_seed_alone(bench: TextBench, starter: ModelRef) -> None:
    batch = bench.run(starter, prompt=STORY, count=4, seed=7, max_tokens=64)
    alone = bench.run(starter, prompt=STORY, count=1, seed=9, max_tokens=64)
    assert alone.stats["tokens"] >= 60
    assert batch.answers[2] == alone.answers[0]
    assert len(set(batch.answers.values())) == 4
    assert batch.recipes[2].seed == alone.recipes[0].seed == 9


def test_missing_rows_equal_those_of_the_full_batch(bench: TextBench, starter: ModelRef) -> None:
    question = "Name a colour and say in one sentence why you like it."
    whole = bench.run(starter, prompt=question, count=6, seed=1, max_tokens=24)
    some = bench.run(starter, rows=(5, 1, 2), prompt=question, count=6, seed=1, max_tokens=24)
    assert some.answers == {row: whole.answers[row] for row in (1, 2, 5)}


@pytest.mark.parametrize("family", FAMILIES)
def test_rows_are_batch_invariant_in_every_family(family: str) -> None:
    decoder = Decoder(tiny_model(family, **FAMILIES[family]), "cpu")
    prompt = [7, 8, 9, 10, 11, 12, 13, 14, 15]
    batch = tokens_of(decoder, [3, 4, 5, 6, 7], prompt)
    decoder.forget()
    assert tokens_of(decoder, [5], prompt) == [batch[2]]
    assert tokens_of(decoder, [7, 3], prompt) == [batch[4], batch[0]]


def test_a_cached_prompt_changes_nothing() -> None:
    decoder = Decoder(tiny_model(**(SMALL | {"max_position_embeddings": 2048})), "cpu")
    first = [(3 * n) % 200 for n in range(700)]
    second = [*first[:600], *(5, 6, 7) * 30]
    decoder.prefill(first, lambda: None)
    warm = tokens_of(decoder, [1, 2], second)
    decoder.forget()
    assert tokens_of(decoder, [1, 2], second) == warm


def test_greedy_answers_are_those_of_transformers() -> None:
    model = tiny_model(**SMALL)
    prompt = [40, 50, 60, 70]
    expected = model.generate(
        torch.tensor([prompt]), max_new_tokens=30, do_sample=False, repetition_penalty=1.3
    )[0, 4:]
    decoder, sampling = Decoder(model, "cpu"), Sampling(0.0, 1.0, 0, 1.3)
    ends = frozenset({model.config.eos_token_id})
    read = decoder.prefill(prompt, lambda: None)
    steps = decoder.generate([Row(read, 1, 30), Row(read, 2, 30)], sampling, ends, lambda: None)
    found = [dict(step)[0] for step in steps]
    assert found == expected.tolist()


def test_rows_end_independently() -> None:
    decoder = Decoder(tiny_model(**SMALL), "cpu")
    prompt = [1, 2, 3]
    free = tokens_of(decoder, [1, 2, 3, 4, 5, 6, 7, 8, 9], prompt, 20)
    ends = frozenset({free[0][3], free[4][8]})
    rows: list[list[int]] = [[] for _ in free]
    read = decoder.prefill(prompt, lambda: None)
    nine = [Row(read, seed, 20) for seed in range(1, 10)]
    for step in decoder.generate(nine, PLAIN, ends, lambda: None):
        for row, token in step:
            rows[row].append(token)
    for whole, ended in zip(free, rows, strict=True):
        stop = next((n + 1 for n, token in enumerate(whole) if token in ends), len(whole))
        assert ended == whole[:stop]


def test_seeds_wrap_around_to_zero(bench: TextBench, tiny: Path) -> None:
    from tests.engine.text.text_bench import model_at

    model = model_at(tiny)
    last = bench.run(model, prompt="x", count=2, seed=MAX_SEED, max_tokens=8)
    zero = bench.run(model, prompt="x", count=1, seed=0, max_tokens=8)
    assert last.answers[1] == zero.answers[0]
    assert last.recipes[1].request.seed == 0


def test_a_batch_size_that_rounds_differently_is_padded_with_copies() -> None:
    def step(rows: int) -> torch.Tensor:
        return torch.full((rows, 3), 1.5 if rows in (2, 32) else 1.0)

    widths = InvariantWidths(step, frozenset(WIDTHS) - {1})
    assert widths.exact
    assert [widths.width(rows) for rows in (1, 2, 3, 5)] == [3, 3, 3, 6]
    assert widths.largest(40) == 24


def test_equal_rows_with_different_results_are_detected() -> None:
    def step(rows: int) -> torch.Tensor:
        return torch.arange(rows)[:, None].float()

    assert not InvariantWidths(step, frozenset(WIDTHS)).exact
    assert not InvariantWidths(lambda rows: torch.ones(rows, 1), frozenset()).exact


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float32])
def test_batch_sizes_that_agree_do_so_for_any_rows(kind: torch.dtype) -> None:
    torch.manual_seed(0)
    layers = torch.nn.ModuleList([torch.nn.Linear(1536, 200), torch.nn.Linear(200, 1536)])
    widths = invariant_widths(layers.to(kind))
    assert 8 in widths
    rows = torch.randn(100, 32, 1536).to(kind)
    with torch.inference_mode():
        for width in widths:
            for batch in rows:
                assert torch.equal(layers[0](batch[:width]), layers[0](batch)[:width]) or (
                    32 not in widths
                )
