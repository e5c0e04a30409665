"""Texts as vectors: loading, pooling, batches, cancelling, and what is wrong with a folder."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from msgspec.structs import replace

from studio.engine.local.client import EngineClient
from studio.engine.local.job import Job, JobCancelledError
from studio.engine.tasks.text.embedding import MAX_BATCH_TOKENS, MAX_ROWS, batches, embed_texts
from studio.models.identify import describe_path
from studio.protocol import (
    Cancelled,
    Done,
    EmbedTexts,
    Event,
    ModelRef,
    ProblemError,
    Progress,
    TextsEmbedded,
)
from studio.settings import default_paths
from tests.engine.text.text_bench import TextBench
from tests.engine.tiny_text import SMALL, tiny_model, tiny_tokenizer
from tests.unit.model_files import write_embedder

TEXTS = ("A ship came in.", "狐狸在睡觉。", "x", "The harbour was quiet. " * 20, "")
STARTER = "all-minilm-l6-v2"


def tiny_bert(folder: Path, pooling: str = "mean_tokens", **prompts: str) -> ModelRef:
    """Write a BERT with random weights that makes vectors."""
    torch.manual_seed(0)
    tokenizer = tiny_tokenizer(None)
    sizes = {key: SMALL[key] for key in SMALL if key != "num_key_value_heads"}
    config = transformers.BertConfig(vocab_size=len(tokenizer), **sizes)
    transformers.BertModel(config).eval().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return describe_path(write_embedder(folder, pooling, **prompts))


def embed(
    bench: TextBench, model: ModelRef, *texts: str, questions: bool = False
) -> np.ndarray[Any, Any]:
    command = EmbedTexts(job="e", model=model, texts=texts, are_questions=questions)
    job = Job("e", bench.folder, lambda _: None, threading.Event())
    found = embed_texts(job, command, bench.memory, bench.device)
    assert len(found.vectors) == len(texts)
    return np.stack([np.frombuffer(vector, "<f4") for vector in found.vectors])


@pytest.mark.parametrize("pooling", ["mean_tokens", "cls_token", "lasttoken"])
def test_a_text_has_the_same_vector_alone_and_among_others(
    bench: TextBench, tmp_path: Path, pooling: str
) -> None:
    model = tiny_bert(tmp_path / "Tiny 嵌入", pooling)
    assert (model.role, model.task, model.context) == ("embedder", "text", 128)
    assert model.is_companion
    together = embed(bench, model, *TEXTS)
    alone = np.concatenate([embed(bench, model, text) for text in TEXTS])
    np.testing.assert_allclose(together, alone, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(together[:4], axis=1), 1, atol=1e-5)
    assert np.abs(together[0] - together[1]).max() > 0.01
    again = embed(bench, model, *reversed(TEXTS))
    np.testing.assert_allclose(again[::-1], together, atol=1e-5)


def test_a_network_that_writes_text_makes_vectors_of_its_last_token(
    bench: TextBench, tmp_path: Path
) -> None:
    """As Qwen3-Embedding, whose question has an instruction before it."""
    folder = tmp_path / "last"
    tiny_model("Qwen3", **SMALL).save_pretrained(folder)
    tiny_tokenizer(None).save_pretrained(folder)
    model = describe_path(write_embedder(folder, "lasttoken", query="Query: ", document=""))
    assert (model.role, model.family) == ("embedder", "qwen3")
    asked = embed(bench, model, "fox", questions=True)
    np.testing.assert_allclose(asked, embed(bench, model, "Query: fox"), atol=1e-6)
    assert np.abs(asked - embed(bench, model, "fox")).max() > 0.01


def test_it_is_cancelled_between_two_batches(bench: TextBench, tmp_path: Path) -> None:
    model = tiny_bert(tmp_path / "tiny")
    cancelled, seen = threading.Event(), list[Event]()

    def note(event: Event) -> None:
        seen.append(event)
        if isinstance(event, Progress):
            cancelled.set()

    job = Job("e", bench.folder, note, cancelled, interval=0)
    command = EmbedTexts(job="e", model=model, texts=TEXTS[:1] * 200)
    with pytest.raises(JobCancelledError):
        embed_texts(job, command, bench.memory, bench.device)
    assert [each.step for each in seen if isinstance(each, Progress)] == [MAX_ROWS]


@pytest.mark.usefixtures("patient")
def test_the_engine_embeds_and_cancels_in_its_own_process(
    make_client: Callable[..., EngineClient], tmp_path: Path
) -> None:
    model = tiny_bert(tmp_path / "tiny")
    client = make_client()
    found: list[Event] = []
    done = client.run(EmbedTexts(job="1", model=model, texts=TEXTS), found.append)
    assert isinstance(done, Done), done
    (embedded,) = [event for event in found if isinstance(event, TextsEmbedded)]
    assert [len(vector) for vector in embedded.vectors] == [64 * 4] * len(TEXTS)

    def cancel(event: Event) -> None:
        if isinstance(event, Progress):
            client.cancel("2")

    many = EmbedTexts(job="2", model=model, texts=("The harbour was quiet. " * 20,) * 2_000)
    assert isinstance(client.run(many, cancel), Cancelled)


def test_batches_are_bounded_and_have_every_row_once() -> None:
    lengths = [5, 1024, 3, 900, *[128] * 100]
    found = list(batches(lengths))
    assert sorted(at for batch in found for at in batch) == list(range(len(lengths)))
    for batch in found:
        assert len(batch) <= MAX_ROWS
        assert len(batch) * max(lengths[at] for at in batch) <= MAX_BATCH_TOKENS


def test_a_folder_that_makes_vectors_in_another_way_or_is_damaged_says_so(
    bench: TextBench, tmp_path: Path
) -> None:
    model = tiny_bert(tmp_path / "tiny")
    folder = Path(model.path)
    pooling = folder / "1_Pooling" / "config.json"
    pooling.write_text('{"pooling_mode_max_tokens": true}')
    with pytest.raises(ProblemError, match="not supported"):
        describe_path(folder)
    pooling.unlink()
    with pytest.raises(ProblemError, match="1_Pooling"):
        describe_path(folder)
    pooling.write_text('{"pooling_mode_mean_tokens": true}')
    (folder / "modules.json").write_text('[{"type": "a.Transformer"}, {"type": "a.Dense"}]')
    with pytest.raises(ProblemError, match="not supported"):
        describe_path(folder)
    with pytest.raises(ProblemError, match="no longer"):
        embed(bench, replace(model, path=str(tmp_path / "gone")), "x")


def test_the_starter_embedder_knows_what_is_alike(bench: TextBench) -> None:
    folder = default_paths().starter / STARTER
    if not folder.is_dir():
        pytest.skip("the embedder is not installed: studio models starter all-minilm-l6-v2")
    vectors = embed(
        bench,
        describe_path(folder),
        "Who looks after the lighthouse?",
        "The keeper of the beacon was Ole Brandt.",
        "Bread is baked from flour and water.",
    )
    assert vectors.shape == (3, 384)
    near, far = vectors[0] @ vectors[1], vectors[0] @ vectors[2]
    assert near > 0.3 > far
