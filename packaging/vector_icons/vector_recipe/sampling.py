"""Drawing with the model: every row follows the grammar, so every result is an icon."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from transformers import DynamicCache, LlamaForCausalLM

from vector_recipe import tokens
from vector_recipe.dataset import LONGEST
from vector_recipe.geometry import Icon
from vector_recipe.model import drawing_logits


@dataclass(frozen=True)
class Choice:
    """How the next token is chosen. Guidance 1 is none."""

    temperature: float = 0.8
    top_p: float = 0.95
    guidance: float = 1.0


class _Stream:
    """A prompt that is continued, with what the model remembers of it."""

    def __init__(self, model: LlamaForCausalLM, prompt: list[int], rows: int) -> None:
        self.model = model
        self.cache = DynamicCache(config=model.config)
        self.logits = self.put(torch.tensor([prompt] * rows))

    def put(self, ids: Tensor) -> Tensor:
        out = self.model.model(input_ids=ids, cache=self.cache, use_cache=True)
        self.logits = drawing_logits(self.model, out.last_hidden_state[:, -1])
        return self.logits


def _pick(logits: Tensor, draws: Tensor, choice: Choice) -> Tensor:
    """One token a row: the smallest set of tokens with the share top_p, and a number in 0..1."""
    shares, order = (logits / choice.temperature).softmax(-1).sort(-1, descending=True)
    before = shares.cumsum(-1) - shares
    shares = shares.masked_fill(before > choice.top_p, 0.0)
    total = shares.cumsum(-1)
    place = (total < draws[:, None] * total[:, -1:]).sum(-1, keepdim=True)
    return order.gather(-1, place.clamp(max=logits.shape[-1] - 1))[:, 0]


@torch.inference_mode()
def draw(
    model: LlamaForCausalLM,
    prompt: list[int],
    nothing: list[int],
    seeds: list[int],
    choice: Choice | None = None,
    longest: int = LONGEST,
) -> list[Icon]:
    """One icon of at most `longest` tokens for each seed, which no other row depends on."""
    choice = choice or Choice()
    rows = len(seeds)
    sources = [torch.Generator().manual_seed(seed) for seed in seeds]
    asked = _Stream(model, prompt, rows)
    free = _Stream(model, nothing, rows) if choice.guidance != 1 else None
    states = np.full(rows, tokens.GRAMMAR.start)
    drawn: list[list[str]] = [[] for _ in seeds]
    for left in reversed(range(longest)):
        logits = asked.logits.float()
        if free is not None:
            logits = free.logits + choice.guidance * (logits - free.logits)
        allowed = tokens.GRAMMAR.allowed_within(states, left)
        logits = logits.masked_fill(~torch.from_numpy(allowed), -torch.inf)
        draws = torch.stack([torch.rand((), generator=source) for source in sources])
        picked = _pick(logits, draws, choice)
        for row, number in zip(drawn, picked.tolist(), strict=True):
            row.append(tokens.DRAWING[number])
        states = tokens.GRAMMAR.following[states, picked.numpy()]
        if (states == tokens.GRAMMAR.end).all():
            break
        asked.put(picked[:, None])
        if free is not None:
            free.put(picked[:, None])
    return [tokens.decode(row) for row in drawn]
