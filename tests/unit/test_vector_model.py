"""The decoder of the vector recipe: its loss, its batches, and what it draws."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from studio.engine.tasks.icon import grammar, sampling
from studio.formats.icons import tokens
from vector_recipe import batches, dataset, export, split
from vector_recipe.model import new_model, token_losses

VOCABULARY = tokens.Vocabulary(("a",), ("square", "circle", "left"))
DRAWINGS = (
    "M x16 y16 H x80 V y80 H x16 Z </s>",
    "O x48 y48 r40 </s>",
    "M x80 y48 H x16 </s>",
    "M x8 y8 L x40 y48 M x60 y60 </s>",
)
WORDS = ("square", "circle", "left", "unknown")


def entries() -> list[dataset.Entry]:
    return [
        dataset.Entry("a", word, [(word,)], [(2.0, True)], drawing, split.TRAIN, ["a"])
        for word, drawing in zip(WORDS, DRAWINGS, strict=True)
    ]


def test_loss_is_that_of_drawing_tokens_alone_whatever_the_padding() -> None:
    torch.manual_seed(0)
    model = new_model(VOCABULARY).eval()
    prompts = batches.Prompts(VOCABULARY)
    rows = [prompts.plain(entry) for entry in entries()]
    with torch.inference_mode():
        together = token_losses(model, *batches.batch_of(rows))
        alone = torch.cat([token_losses(model, *batches.batch_of([row])) for row in rows])
    assert together.shape == (sum(len(drawing.split()) for drawing in DRAWINGS),)
    torch.testing.assert_close(together, alone, atol=1e-4, rtol=1e-4)


def test_batches_keep_every_row_and_stay_within_their_size() -> None:
    prompts = batches.Prompts(VOCABULARY)
    rows = [prompts.plain(entry) for entry in entries() * 9]
    made = batches.in_batches(rows, 64)
    assert sum(len(ids) for ids, _ in made) == len(rows)
    assert all(ids.numel() <= 64 for ids, _ in made)


def test_a_resumed_stream_goes_on_with_the_same_batches() -> None:
    prompts = batches.Prompts(VOCABULARY)
    many = entries() * 600
    stream = batches.endless(many, prompts, 4096, seed=1)
    seen, first = 0, []
    while seen < len(many):
        ids, _ = next(stream)
        seen += len(ids)
        first.append(ids)
    again = batches.endless(many, prompts, 4096, seed=1, skip=batches.POOL)
    wanted = []
    pooled = 0
    for ids in first:
        if pooled >= batches.POOL:
            wanted.append(ids)
        pooled += len(ids)
    for ids in wanted:
        assert torch.equal(next(again)[0], ids)


def test_words_the_model_does_not_know_are_left_out_of_prompts() -> None:
    prompts = batches.Prompts(VOCABULARY)
    assert prompts.known(("squares", "unknown", "left", "square")) == ["square", "left"]


@pytest.mark.parametrize("guidance", [1.0, 2.0])
def test_an_untrained_model_draws_icons_and_a_row_does_not_depend_on_the_others(
    guidance: float,
) -> None:
    torch.manual_seed(0)
    model = new_model(VOCABULARY).eval()
    prompts = batches.Prompts(VOCABULARY)
    prompt, nothing = prompts.prompt(["square"], []), prompts.prompt([], [])
    choice = sampling.Choice(guidance=guidance)
    three = sampling.draw(model, prompt, nothing, [5, 6, 7], choice, longest=24)
    assert all(grammar.grammatical(tokens.encode(icon)) for icon in three)
    assert sampling.draw(model, prompt, nothing, [6], choice, longest=24) == three[1:2]
    assert len(set(three)) == 3


def test_the_exported_folder_loads_as_any_model_and_writes_drawing_tokens(tmp_path: Path) -> None:
    torch.manual_seed(0)
    trained = new_model(VOCABULARY)
    weights = tmp_path / "weights.safetensors"
    save_file(dict(trained.named_parameters()), weights)
    export.save(export.load(weights, VOCABULARY), VOCABULARY, tmp_path / "model")
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "model", dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "model")
    for name, parameter in trained.named_parameters():
        torch.testing.assert_close(model.get_parameter(name), parameter, atol=1e-3, rtol=1e-3)
    prompt = "<s> <rounded> square <draw>"
    ids = tokenizer(prompt, return_tensors="pt").input_ids
    assert ids[0].tolist() == batches.Prompts(VOCABULARY).prompt(["square"], ["<rounded>"])
    written = model.generate(ids, max_new_tokens=20)[0, ids.shape[1] :]
    assert set(tokenizer.decode(written).split()) <= set(tokens.DRAWING) - {tokens.PAD}
