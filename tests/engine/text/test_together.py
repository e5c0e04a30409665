"""Jobs with different prompts in one batch: the same results as alone, independent ends."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from studio.engine.tasks.text.decode.decoder import Decoder
from studio.engine.tasks.text.decode.text_decoder import Row
from studio.protocol import AssetReady, Cancelled, Done, Event, Failed, ModelRef, TextDelta
from tests.engine.text.test_seeds import FAMILIES, PLAIN
from tests.engine.text.text_bench import TextBench, model_at
from tests.engine.tiny_text import SMALL, tiny_gguf, tiny_model

MIXING = ("Llama", "Qwen2", "GPT2")
LENGTHS = (3, 9, 9, 40, 41, 270, 3, 100, 9)


def written(decoder: Decoder, rows: list[Row]) -> list[list[int]]:
    tokens: list[list[int]] = [[] for _ in rows]
    for step in decoder.generate(rows, PLAIN, frozenset(), lambda: None):
        for row, token in step:
            tokens[row].append(token)
    return tokens


@pytest.mark.parametrize("family", MIXING)
@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
def test_rows_with_different_prompts_equal_those_alone(family: str, kind: torch.dtype) -> None:
    decoder = Decoder(tiny_model(family, **FAMILIES[family]).to(kind), "cpu")
    assert decoder.can_mix_prompts(lambda: None)
    prompts = [[(5 * n + 11 * k) % 250 for n in range(k)] for k in LENGTHS]
    reads = [decoder.copy_of(decoder.prefill(prompt, lambda: None)) for prompt in prompts]
    # Rows end at different times, so the batch shrinks on the way.
    rows = [Row(read, seed, 80 - 7 * seed) for seed, read in enumerate(reads)]
    together = written(decoder, rows)
    for row, prompt, mine in zip(rows, prompts, together, strict=True):
        decoder.forget()
        alone = written(
            decoder, [Row(decoder.prefill(prompt, lambda: None), row.seed, row.max_tokens)]
        )
        assert alone == [mine]
        assert len(mine) == row.max_tokens


@pytest.mark.parametrize(
    ("family", "sizes"),
    [(family, sizes) for family, sizes in FAMILIES.items() if family not in MIXING]
    + [
        # The angles of all positions depend on the longest row.
        ("Llama", SMALL | {"rope_parameters": {"rope_type": "dynamic", "factor": 2.0,
                                               "rope_theta": 10_000.0}}),
        # How the experts' rows are sorted depends on all rows.
        ("Mixtral", SMALL | {"num_local_experts": 4}),
    ],
)  # fmt: skip
def test_a_family_whose_rows_depend_on_each_other_is_not_batched(
    family: str, sizes: dict[str, Any]
) -> None:
    assert not Decoder(tiny_model(family, **sizes), "cpu").can_mix_prompts(lambda: None)


def test_jobs_together_give_the_same_texts_as_alone(bench: TextBench, tiny: Path) -> None:
    how = {"max_tokens": 14, "temperature": 0.9}
    requests: list[dict[str, Any]] = [
        {"prompt": "Name a colour.", "seed": 3, **how},
        {"prompt": "Why is the sky blue? Say it in a few words.", "seed": 8, "count": 2, **how},
        {"prompt": "Name a colour.", "seed": 4, "system_prompt": "Answer in French.", **how},
    ]
    model = model_at(tiny)
    together = bench.together(model, requests)
    for outcome, request in zip(together.values(), requests, strict=True):
        alone = bench.run(model, **request)
        assert outcome.answers == alone.answers
        assert outcome.streamed == alone.streamed
        assert outcome.warnings == alone.warnings
        [done] = outcome.of(Done)
        assert outcome.events[-1] == done
        assert done.stats["prompt_tokens"] == alone.stats["prompt_tokens"]
        assert [r.seed for r in outcome.recipes.values()] == [
            r.seed for r in alone.recipes.values()
        ]


@pytest.mark.parametrize("kind", ["Q8_0", "Q4_1"])
def test_jobs_of_a_model_that_llama_cpp_runs_give_the_same_texts_together_as_alone(
    bench: TextBench, tmp_path: Path, kind: str
) -> None:
    model = model_at(tiny_gguf(tmp_path / "tiny.gguf", kind=kind), "gguf")
    how = {"temperature": 1.0, "top_k": 0, "top_p": 1.0}
    requests: list[dict[str, Any]] = [
        {"prompt": "abc " * length, "seed": length, "count": 1 + length % 3,
         "max_tokens": 60 - length % 50, **how}
        for length in (1, 70, 2, 90, 5, 64, 1)
    ]  # fmt: skip
    together = bench.together(model, requests)
    for outcome, request in zip(together.values(), requests, strict=True):
        alone = bench.run(model, **request)
        assert outcome.answers == alone.answers
        assert outcome.streamed == alone.streamed
        assert outcome.events[-1] == outcome.of(Done)[0]
        assert outcome.recipes[0].adjustments == ()


def test_jobs_whose_results_would_differ_are_left_to_be_run_one_by_one(
    bench: TextBench, tiny_file: Path
) -> None:
    # With weights in float32, the library computes a row alone in another order.
    requests: list[dict[str, Any]] = [{"prompt": "one"}, {"prompt": "two"}]
    together = bench.together(model_at(tiny_file, "gguf"), requests)
    for outcome in together.values():
        assert outcome.answers == {} and outcome.of(Done) == [] == outcome.of(Failed)


def test_a_refused_prompt_fails_only_its_job(bench: TextBench, either: ModelRef) -> None:
    requests: list[dict[str, Any]] = [
        {"prompt": prompt, "max_tokens": 6} for prompt in ("one", "x" * 3000, "three")
    ]
    together = bench.together(either, requests)
    ends = [type(outcome.events[-1]) for outcome in together.values()]
    assert ends == [Done, Failed, Done]
    assert "too long" in str(together["1"].of(Failed)[0].problem.message)
    assert together["2"].answers == bench.run(either, **requests[2]).answers


def test_a_cancelled_part_ends_at_once_and_the_others_continue(
    bench: TextBench, either: ModelRef
) -> None:
    requests: list[dict[str, Any]] = [
        {"prompt": prompt, "max_tokens": 60} for prompt in ("one", "two two", "three")
    ]

    def first_text(event: Event) -> bool:
        return isinstance(event, TextDelta)

    together = bench.together(either, requests, cancel="1", at=first_text)
    assert isinstance(together["1"].events[-1], Cancelled)
    assert not together["1"].of(AssetReady)
    for number in (0, 2):
        alone = bench.run(either, **requests[number])
        assert together[str(number)].answers == alone.answers


def test_less_memory_gives_smaller_batches_of_the_same_texts(
    tmp_path: Path, either: ModelRef
) -> None:
    requests = [{"prompt": "x" * (30 * n + 1), "seed": n, "max_tokens": 200} for n in range(9)]
    roomy = TextBench(tmp_path / "roomy").together(either, requests)
    scarce = TextBench(tmp_path / "scarce", available=lambda: 52_000_000)
    for number, outcome in scarce.together(either, requests).items():
        assert outcome.answers == roomy[number].answers
