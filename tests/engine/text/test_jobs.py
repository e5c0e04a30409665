"""A text job from its request to its recipes: context, cancelling, lack of memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from studio.engine.local.job import JobCancelledError
from studio.engine.tasks.text.decode.decoder import Decoder
from studio.engine.tasks.text.llama.decoder import LlamaDecoder
from studio.kinds.text import TextRequest
from studio.models.token_count_messages import Conversation
from studio.models.token_counter import TokenCounter
from studio.protocol import AssetReady, Event, Loading, Message, ModelRef, ProblemError, TextDelta
from tests.engine.text.text_bench import TextBench, model_at
from tests.engine.tiny_text import tiny_llama


def talk(turns: int, length: int) -> tuple[Message, ...]:
    return tuple(Message("user" if n % 2 == 0 else "assistant", "a" * length) for n in range(turns))


def test_a_chat_model_uses_its_template(bench: TextBench, starter: ModelRef) -> None:
    outcome = bench.run(
        starter, prompt="What is the capital of France?", temperature=0.0, max_tokens=12
    )
    assert "Paris" in outcome.answers[0]


def test_an_answer_goes_on_from_its_start_as_if_it_had_not_been_stopped(
    bench: TextBench, starter: ModelRef
) -> None:
    greedy: dict[str, Any] = {"prompt": "Name three colours of the sea.", "temperature": 0.0}
    greedy |= {"repetition_penalty": 1.0, "max_tokens": 24}
    whole = bench.run(starter, **greedy).answers[0]
    start = whole[: whole.index(" ", len(whole) // 2)]
    again = bench.run(starter, **greedy, answer_start=start)
    assert again.answers[0].startswith(whole)
    assert start + again.streamed[0] == again.answers[0]
    assert again.recipes[0].request.answer_start == start


def test_an_interrupted_job_makes_the_missing_rows_as_the_whole_one(
    bench: TextBench, either: ModelRef
) -> None:
    fields: dict[str, Any] = {"prompt": "hi", "count": 6, "seed": 5, "max_tokens": 12}
    whole = bench.run(either, **fields)
    resumed = bench.run(either, rows=(1, 4, 5), **fields)
    assert resumed.answers == {row: whole.answers[row] for row in (1, 4, 5)}


@pytest.mark.parametrize(
    "attack",
    [
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "{% for a in [1, 1] recursive %}{{ loop([1, 1]) }}{% endfor %}",
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{% for message in messages %}",
    ],
)
def test_a_hostile_chat_template_is_refused_with_a_sentence(
    bench: TextBench, make_either: Callable[[str | None], ModelRef], attack: str
) -> None:
    model = make_either(attack)
    with pytest.raises(ProblemError) as caught:
        bench.run(model, prompt="x", max_tokens=4)
    assert caught.value.problem.kind == "bad_input"
    assert "template" in str(caught.value)


def test_earlier_turns_and_the_system_prompt_have_an_effect(
    bench: TextBench, starter: ModelRef
) -> None:
    earlier = (Message("user", "My name is Anna."), Message("assistant", "Hello Anna!"))
    calm: dict[str, Any] = {"temperature": 0.0, "repetition_penalty": 1.0, "max_tokens": 8}
    plain = bench.run(starter, prompt="What is my name?", **calm)
    informed = bench.run(starter, prompt="What is my name?", messages=earlier, **calm)
    french = "Always answer in French."
    system = bench.run(starter, prompt="What is my name?", system_prompt=french, **calm)
    assert "Anna" in informed.answers[0]
    assert "Anna" not in plain.answers[0]
    assert system.stats["prompt_tokens"] != plain.stats["prompt_tokens"]


def test_the_counter_counts_the_tokens_that_the_engine_reads(
    bench: TextBench, starter: ModelRef
) -> None:
    fields: dict[str, Any] = {
        "prompt": "¿Qué? 狐狸 🦊 12345  <|im_end|>",
        "system_prompt": "Be brief.",
        "messages": (Message("user", "one"), Message("assistant", "two\n\n three ")),
        "max_tokens": 2,
    }
    read = bench.run(starter, **fields).stats["prompt_tokens"]
    request = TextRequest(**fields)
    conversation = Conversation(request.prompt, request.system_prompt, request.messages)
    counter = TokenCounter()
    try:
        use = counter.count(starter, conversation, request.max_tokens)
    finally:
        counter.stop()
    assert use is not None and use.tokens == read


def test_a_recipe_reproduces_its_row(bench: TextBench, either: ModelRef) -> None:
    outcome = bench.run(either, prompt="hi", count=3, seed=40, max_tokens=6)
    recipe = outcome.recipes[2]
    assert (recipe.row, recipe.seed, recipe.request.seed, recipe.request.count) == (2, 42, 42, 1)
    assert recipe.request.prompt == "hi"
    assert recipe.request.model == recipe.model_id == either.id
    assert len(recipe.model_sha256) == 64
    assert recipe.dtype in ("bfloat16", "float32", "F32")
    assert recipe.device.startswith("cpu")
    assert recipe.libraries["transformers" if either.format == "transformers" else "xllamacpp"]
    assert recipe.stats["reached_limit"] == 1.0
    again = bench.run(either, prompt="hi", seed=recipe.seed, max_tokens=6)
    assert again.answers[0] == outcome.answers[2]


def test_the_oldest_turns_are_left_out_with_a_warning(bench: TextBench, either: ModelRef) -> None:
    outcome = bench.run(either, prompt="now", messages=talk(8, 80), max_tokens=50)
    kind, message = outcome.warnings[0]
    assert kind == "context_cut"
    assert message.values == {"messages": "4", "characters": "320"}
    assert outcome.stats["prompt_tokens"] <= 512 - 50
    assert "4 messages" in outcome.recipes[0].adjustments[0]
    assert outcome.recipes[0].request.messages == talk(8, 80)


def test_a_prompt_that_is_too_long_is_refused(bench: TextBench, starter: ModelRef) -> None:
    with pytest.raises(ProblemError) as caught:
        bench.run(starter, prompt="word " * 20_000, max_tokens=10)
    assert caught.value.problem.kind == "bad_input"
    assert "too long" in str(caught.value)
    assert "8192" in str(caught.value)


def test_a_long_prompt_may_take_room_reserved_for_the_answer(
    bench: TextBench, either: ModelRef
) -> None:
    outcome = bench.run(either, prompt="a" * 400, max_tokens=200)
    stats, warnings = outcome.recipes[0].stats, dict(outcome.warnings)
    assert stats["tokens"] <= 512 - 400
    assert next(iter(warnings)) == "context_cut"
    if stats["reached_limit"]:
        assert "shorter prompt" in str(warnings["answer_cut"])


def test_answers_cut_at_the_token_limit_give_one_warning_a_job(
    bench: TextBench, tiny: Path, starter: ModelRef
) -> None:
    [(kind, message)] = bench.run(model_at(tiny), prompt="x", max_tokens=4).warnings
    assert (kind, message.values) == ("answer_cut", {"tokens": "4"})
    [(_, message)] = bench.run(model_at(tiny), prompt="x", count=3, max_tokens=4).warnings
    assert str(message).startswith("3 of 3 answers reached the limit of 4 tokens")
    question = "What is the capital of France?"
    whole = bench.run(starter, prompt=question, temperature=0.0, max_tokens=50)
    assert whole.recipes[0].stats["reached_limit"] == 0.0
    assert whole.warnings == []


def test_a_model_without_a_template_continues_the_text(bench: TextBench, tmp_path: Path) -> None:
    model = model_at(tiny_llama(tmp_path / "base", template=None))
    outcome = bench.run(model, prompt="Once upon a time", max_tokens=5)
    assert outcome.stats["prompt_tokens"] == len("Once upon a time")
    cut = bench.run(model, prompt="a" * 900 + "b" * 100, max_tokens=30)
    assert cut.warnings[0][0] == "context_cut"
    assert cut.stats["prompt_tokens"] == 512 - 30


def test_a_cancel_takes_effect_within_a_token(bench: TextBench, either: ModelRef) -> None:
    model = either
    events: list[Event] = []

    def first_text(event: Event) -> bool:
        events.append(event)
        return isinstance(event, TextDelta)

    with pytest.raises(JobCancelledError):
        bench.run(model, prompt="x", count=4, max_tokens=400, at=first_text)
    assert not any(isinstance(event, AssetReady) for event in events)
    assert len([event for event in events if isinstance(event, TextDelta)]) <= 4
    assert bench.run(model, prompt="x", max_tokens=4).answers[0]


def test_loading_is_cancelled_between_two_weights(bench: TextBench, either: ModelRef) -> None:
    def begun(event: Event) -> bool:
        return isinstance(event, Loading) and bool(event.fraction)

    bench.memory.release_all()
    with pytest.raises(JobCancelledError):
        bench.run(either, prompt="x", at=begun)
    assert bench.run(either, prompt="x", max_tokens=4).answers[0]


def decoder_of(model: ModelRef) -> Any:
    return LlamaDecoder if model.format == "gguf" else Decoder


def test_the_batch_is_reduced_when_memory_runs_out(
    bench: TextBench, either: ModelRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, decoder = either, decoder_of(either)
    calm = bench.run(model, prompt="x", count=8, seed=1, max_tokens=20)
    generate = decoder.generate

    def short_of_memory(self: Any, wanted: Any, *rest: Any) -> Iterator[Any]:
        for made, step in enumerate(generate(self, wanted, *rest)):
            if len(wanted) > 2 and made == 9:
                raise torch.OutOfMemoryError("CUDA out of memory")
            yield step

    monkeypatch.setattr(decoder, "generate", short_of_memory)
    outcome = bench.run(model, prompt="x", count=8, seed=1, max_tokens=20)
    assert outcome.answers == calm.answers
    assert outcome.streamed == calm.streamed
    assert [kind for kind, _ in outcome.warnings] == ["memory", "memory", "answer_cut"]
    cut = sum(int(recipe.stats["reached_limit"]) for recipe in outcome.recipes.values())
    assert outcome.warnings[2][1].values == {"rows": str(cut), "count": "8", "tokens": "20"}
    assert "Memory ran out" in outcome.recipes[7].adjustments[0]


def test_a_lasting_lack_of_memory_fails_the_job(
    bench: TextBench, either: ModelRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing_left(*_: Any) -> Iterator[Any]:
        raise MemoryError

    monkeypatch.setattr(decoder_of(either), "generate", nothing_left)
    with pytest.raises(ProblemError) as caught:
        bench.run(either, prompt="x", count=2)
    assert caught.value.problem.kind == "out_of_memory"


def test_a_batch_is_no_larger_than_memory_allows(tmp_path: Path, either: ModelRef) -> None:
    roomy = TextBench(tmp_path / "roomy")
    scarce = TextBench(tmp_path / "scarce", available=lambda: 52_000_000)
    request: dict[str, Any] = {"prompt": "x" * 100, "count": 12, "seed": 1, "max_tokens": 300}
    assert scarce.run(either, **request).answers == roomy.run(either, **request).answers


def test_after_a_kill_answers_are_written_one_by_one_in_16_bits(
    tmp_path: Path, either: ModelRef
) -> None:
    bench = TextBench(tmp_path / "work")
    outcome = bench.run(either, prompt="a", seed=1, count=3, max_tokens=4, saves_memory=True)
    recipes = [asset.recipe for asset in outcome.of(AssetReady)]
    if either.format != "gguf":  # whose precision is that of the file
        assert {recipe.dtype for recipe in recipes} == {"bfloat16"}
    for stats in (recipe.stats for recipe in recipes):
        assert stats["call_size"] == stats["prompt_tokens"] + stats["tokens"]  # of one row
    assert any("one at a time" in str(message) for _, message in outcome.warnings)
    assert any("one at a time" in text for text in recipes[0].adjustments)
    bench.memory.release_all()


def test_a_recipe_says_how_much_memory_its_batch_took(bench: TextBench, either: ModelRef) -> None:
    outcome = bench.run(either, prompt="a", seed=1, count=4, max_tokens=6)
    for asset in outcome.of(AssetReady):
        stats = asset.recipe.stats
        assert stats["model_memory"] > 0 and stats["peak_memory"] >= 0
        assert stats["call_size"] % 4 == 0
        assert stats["call_size"] == 4 * (stats["prompt_tokens"] + stats["tokens"])
