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
    is_guided = choice.guidance != 1
    prompts = [prompt, nothing] if is_guided else [prompt]
    stream = _Stream(model, [[*each, *begun] for each in prompts])
    pens = Pens(ROWS)
    for number in begun:
        pens.draw(np.full(ROWS, number))
    drawn: list[list[str]] = [[*begin] for _ in seeds]
    ended = pens.ended
    for left in reversed(range(longest - len(begun))):
        logits = stream.logits[0]
        if is_guided:
            free = stream.logits[1]
            logits = free + choice.guidance * (logits - free)
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
        stream.put(picked)


class _Stream:
    """Prompts that are continued in every row, by one call a step, with what the model remembers.

    `logits` are by prompt and row. Shorter prompts are filled after their first token, so that no
    token is without one that it attends to.
    """

    def __init__(self, model: LlamaForCausalLM, prompts: Sequence[Sequence[int]]) -> None:
        self._model = model
        self._cache = DynamicCache(config=model.config)
        self._prompts = len(prompts)
        longest = max(map(len, prompts))
        filled = [longest - len(prompt) for prompt in prompts]
        ids, seen = [], []
        for prompt, fill in zip(prompts, filled, strict=True):
            first, *rest = prompt
            ids.append([first, *[tokens.DRAWING_ID[tokens.PAD]] * fill, *rest])
            seen.append([1, *[0] * fill, *[1] * len(rest)])
        # Without a mask the product is a faster one.
        self._mask = torch.tensor(seen).repeat_interleave(ROWS, 0) if any(filled) else None
        places = (torch.tensor(seen).cumsum(-1) - 1).repeat_interleave(ROWS, 0)
        self._place = places[:, -1:]
        self.logits = self._call(torch.tensor(ids).repeat_interleave(ROWS, 0), places)

    def put(self, picked: Tensor) -> None:
        """Go on by the token of each row, the same one for every prompt."""
        self._place = self._place + 1
        if self._mask is not None:
            self._mask = functional.pad(self._mask, (0, 1), value=1)
        self.logits = self._call(picked.repeat(self._prompts)[:, None], self._place)

    def _call(self, ids: Tensor, places: Tensor) -> Tensor:
        out = self._model.model(
            input_ids=ids,
            attention_mask=self._mask,
            position_ids=places,
            cache=self._cache,
            use_cache=True,
        )
        logits = drawing_logits(self._model, out.last_hidden_state[:, -1]).float()
        return logits.view(self._prompts, ROWS, -1)


def _pick(logits: Tensor, draws: Tensor, choice: Choice) -> Tensor:
    """Return one token a row: of the smallest set of tokens with the share `top_p`, by a number
    from 0 to 1."""
    shares, order = (logits / choice.temperature).softmax(-1).sort(-1, descending=True)
    before = shares.cumsum(-1) - shares
    shares = shares.masked_fill(before > choice.top_p, 0.0)
    total = shares.cumsum(-1)
    place = (total < draws[:, None] * total[:, -1:]).sum(-1, keepdim=True)
    return order.gather(-1, place.clamp(max=logits.shape[-1] - 1))[:, 0]
