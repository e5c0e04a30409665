"""Text is streamed in complete characters and equals what is saved."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoTokenizer

from studio.engine.tasks.text.decode.stream import TextStream
from studio.formats.llama.vocabulary import read_vocabulary
from studio.protocol import ModelRef, Progress
from tests.engine.text.text_bench import TextBench, starter_model
from tests.engine.tiny_text import tiny_tokenizer

TEXTS = [
    "你好，世界！狐狸骑自行车。",
    "👩‍👩‍👧‍👦 family 🇨🇳 flag 👍🏽 thumb",
    "naïve café — “quotes” ½ € \t tab\nnew line  two spaces",
    "ไทย العربية עברית 한국어 日本語",
    "",
]


def starter_ids(text: str) -> tuple[list[int], TextStream]:
    model = starter_model()
    if model.format == "gguf":
        vocabulary = read_vocabulary(Path(model.path))
        return vocabulary.encode(text, special=False), TextStream(vocabulary.decode)
    backend = AutoTokenizer.from_pretrained(model.path).backend_tokenizer
    return backend.encode(text).ids, TextStream(lambda ids: backend.decode(list(ids)))


@pytest.mark.parametrize("text", TEXTS)
def test_only_complete_characters_are_streamed(text: str) -> None:
    ids, stream = starter_ids(text)
    pieces = [stream.push(token) for token in ids]
    assert not any("\ufffd" in piece for piece in pieces)
    assert "".join(pieces) + stream.finish() == text == stream.text


def test_each_word_is_streamed_with_its_token() -> None:
    ids, stream = starter_ids("The quick brown fox")
    assert [stream.push(token) for token in ids] == ["The", " quick", " brown", " fox"]


def test_an_incomplete_character_at_the_end_is_left_out() -> None:
    ids, stream = starter_ids("ok 🦊")
    for token in ids[:-1]:
        stream.push(token)
    stream.finish()
    assert stream.text.rstrip() == "ok"


def test_invalid_bytes_do_not_hold_up_the_stream() -> None:
    backend = tiny_tokenizer().backend_tokenizer
    lone = backend.encode("é").ids[0]
    stream = TextStream(lambda ids: backend.decode(list(ids)))
    for token in [lone] * 12 + backend.encode(" and on").ids:
        stream.push(token)
    stream.finish()
    assert stream.text.endswith(" and on")


def spaced() -> Tokenizer:
    """A tokenizer of the sentencepiece kind, whose decoder drops the first space."""
    words = {"▁a": 0, "▁fox": 1, "▁ran": 2, "es": 3}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="▁a"))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    return tokenizer


@pytest.mark.parametrize(("before", "text"), [((), "a foxes ran"), ((1,), " a foxes ran")])
def test_spaces_between_words_are_kept(before: Sequence[int], text: str) -> None:
    tokenizer = spaced()
    stream = TextStream(lambda ids: tokenizer.decode(list(ids)), before)
    assert "".join(stream.push(token) for token in [0, 1, 3, 2]) + stream.finish() == text


def test_the_saved_text_equals_the_streamed_one(bench: TextBench, starter: ModelRef) -> None:
    outcome = bench.run(starter, prompt="Count from one to five.", count=3, seed=4, max_tokens=30)
    assert outcome.streamed == outcome.answers
    assert all(text.strip() for text in outcome.answers.values())
    last = outcome.of(Progress)[-1]
    assert last.step == last.steps == 3 * 30
    for stats in (recipe.stats for recipe in outcome.recipes.values()):
        assert 0 < stats["tokens"] <= 30
        assert stats["tokens_per_second"] > 0
        assert stats["prompt_tokens"] == outcome.stats["prompt_tokens"] > 5
    assert outcome.stats["tokens_per_second"] > 0
    assert outcome.stats["time_to_first_token"] > 0
