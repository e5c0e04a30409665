"""Drawing with the model: every row follows the grammar, so every result is an icon."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from transformers import DynamicCache, LlamaForCausalLM

from studio.engine.tasks.icon.grammar import Pens
from studio.formats.icons import tokens
from studio.formats.icons.geometry import Icon

ROWS = 16
"""Rows in one call, always: products of another size are rounded otherwise, and then a row would
depend on how many are drawn with it."""


@dataclass(frozen=True)
class Choice:
    """How the next token is chosen. Guidance 1 is none."""

    temperature: float = 0.8
    top_p: float = 0.95
    guidance: float = 1.0


def drawing_logits(model: LlamaForCausalLM, hidden: Tensor) -> Tensor:
    """Return the logits of the drawing tokens alone: nothing else is ever drawn."""
    return functional.linear(hidden, model.lm_head.weight[: len(tokens.DRAWING)])


def draw(
    model: LlamaForCausalLM,
    prompt: Sequence[int],
    nothing: Sequence[int],
    seeds: Sequence[int],
    choice: Choice | None = None,
    longest: int = tokens.LONGEST,
) -> list[Icon]:
    """Return one icon of at most `longest` tokens for each seed, whatever the other seeds are."""
    found: list[Icon] = []
    for start in range(0, len(seeds), ROWS):
        made = steps(model, prompt, nothing, seeds[start : start + ROWS], choice, longest)
        *_, rows = made
        found.extend(tokens.decode(row) for row in rows)
    return found


@torch.inference_mode()
def steps(
    model: LlamaForCausalLM,
    prompt: Sequence[int],
    nothing: Sequence[int],
    seeds: Sequence[int],
    choice: Choice | None = None,
    longest: int = tokens.LONGEST,
    begin: Sequence[str] = (),
) -> Iterator[list[list[str]]]:
    """Yield after each step the tokens of every seed's drawing, for at most `ROWS` seeds.

    The lists grow from step to step; the last token of a finished drawing is its end. All begin
    with the tokens `begin`.
    """
    choice = choice or Choice()
    begun = [tokens.DRAWING_ID[token] for token in begin]
    sources = [torch.Generator().manual_seed(seed) for seed in [*seeds, *range(ROWS)][:ROWS]]
    asked = _Stream(model, [*prompt, *begun])
    free = _Stream(model, [*nothing, *begun]) if choice.guidance != 1 else None
    pens = Pens(ROWS)
    for number in begun:
        pens.draw(np.full(ROWS, number))
    drawn: list[list[str]] = [[*begin] for _ in seeds]
    ended = pens.ended
    for left in reversed(range(longest - len(begun))):
        logits = asked.logits.float()
        if free is not None:
            logits = free.logits + choice.guidance * (logits - free.logits)
        logits = logits.masked_fill(~torch.from_numpy(pens.allowed(left)), -torch.inf)
        draws = torch.stack([torch.rand((), generator=source) for source in sources])
        picked = _pick(logits, draws, choice)
        numbers = picked.tolist()
        for place, row in enumerate(drawn):
            if not ended[place]:
                row.append(tokens.DRAWING[numbers[place]])
        pens.draw(picked.numpy())
        ended = pens.ended
        yield drawn
        if ended[: len(drawn)].all():
            break
        asked.put(picked[:, None])
        if free is not None:
            free.put(picked[:, None])


class _Stream:
    """A prompt that is continued in every row, with what the model remembers of it."""

    def __init__(self, model: LlamaForCausalLM, prompt: Sequence[int]) -> None:
        self.model = model
        self.cache = DynamicCache(config=model.config)
        self.logits = self.put(torch.tensor([list(prompt)] * ROWS))

    def put(self, ids: Tensor) -> Tensor:
        out = self.model.model(input_ids=ids, cache=self.cache, use_cache=True)
        self.logits = drawing_logits(self.model, out.last_hidden_state[:, -1])
        return self.logits


def _pick(logits: Tensor, draws: Tensor, choice: Choice) -> Tensor:
    """Return one token a row: of the smallest set of tokens with the share `top_p`, by a number
    from 0 to 1."""
    shares, order = (logits / choice.temperature).softmax(-1).sort(-1, descending=True)
    before = shares.cumsum(-1) - shares
    shares = shares.masked_fill(before > choice.top_p, 0.0)
    total = shares.cumsum(-1)
    place = (total < draws[:, None] * total[:, -1:]).sum(-1, keepdim=True)
    return order.gather(-1, place.clamp(max=logits.shape[-1] - 1))[:, 0]
