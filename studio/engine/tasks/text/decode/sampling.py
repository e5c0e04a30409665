"""Which token comes next: penalties, filters, and noise that depends on the seed alone.

Sampling is done as Gumbel-max: adding Gumbel noise to the log-probabilities and taking the
largest is a draw from the distribution (Gumbel 1954; Maddison et al. 2014, arXiv:1411.0030).
The noise is a hash of (seed of the row, step, token), with no generator whose state could
depend on the other rows, so a row's text is the same alone and in any batch. The filters are
those of transformers, in its order: repetition penalty, temperature, top-k, top-p.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

_MASK = 0xFFFFFFFF
_CANDIDATES = 1024
"""Tokens looked at first when top-k is off: nearly always they hold the whole nucleus."""


@dataclass(frozen=True)
class Sampling:
    """How to pick tokens; the fields are those of `TextRequest`."""

    temperature: float
    top_p: float
    top_k: int
    repetition_penalty: float


class Seen:
    """The tokens that stood in the prompt or in a row's answer, for the repetition penalty.

    Args:
        prompts: token ids of each row's prompt, at least one.
        room: longest answer, tokens.
        device: torch's name of it.
    """

    def __init__(self, prompts: Sequence[Sequence[int]], room: int, device: str) -> None:
        known = {id(prompt): sorted(set(prompt)) for prompt in prompts}
        self._used = max(map(len, known.values()))
        rows = [known[id(prompt)] for prompt in prompts]
        # A token that is there twice counts once.
        full = [row + row[:1] * (self._used - len(row)) for row in rows]
        self._ids = torch.zeros(len(rows), self._used + room, dtype=torch.int64, device=device)
        self._ids[:, : self._used] = torch.tensor(full, device=device)

    def add(self, tokens: torch.Tensor) -> None:
        """Note the token that each row got, (rows,)."""
        self._ids[:, self._used] = tokens
        self._used += 1

    def keep(self, rows: torch.Tensor) -> None:
        """Keep these rows, in this order, repeated as asked."""
        self._ids = self._ids[rows]

    def penalise(self, logits: torch.Tensor, penalty: float) -> None:
        """Make tokens that were seen less likely, in place (CTRL, arXiv:1909.05858).

        Args:
            logits: (rows, vocabulary) float32.
            penalty: above 1 discourages; positive logits are divided, negative multiplied.
        """
        if penalty == 1.0:
            return
        ids = self._ids[:, : self._used]
        scores = logits.gather(1, ids)
        logits.scatter_(1, ids, torch.where(scores < 0, scores * penalty, scores / penalty))


def pick(logits: torch.Tensor, seeds: torch.Tensor, step: int, how: Sampling) -> torch.Tensor:
    """Return the next token of each row, (rows,) int64.

    Args:
        logits: (rows, vocabulary) float32, penalties applied.
        seeds: (rows,) int64, 0 to 2³²−1.
        step: which token of the answer is drawn, from 0.
        how: a temperature of 0 takes the most likely token.
    """
    if how.temperature == 0:
        return logits.argmax(dim=-1)
    vocabulary = logits.shape[-1]
    if 0 < how.top_k < vocabulary:
        values, tokens = logits.topk(how.top_k, dim=-1)
        scores = torch.log_softmax(values / how.temperature, dim=-1)
        return _draw(_nucleus(scores, how.top_p), tokens, seeds, step)
    scores = torch.log_softmax(logits / how.temperature, dim=-1)
    if how.top_p == 1:
        tokens = torch.arange(vocabulary, device=logits.device).expand_as(scores)
        return _draw(scores, tokens, seeds, step)
    values, tokens = scores.topk(min(_CANDIDATES, vocabulary), dim=-1)
    picked = _draw(_nucleus(values, how.top_p), tokens, seeds, step)
    # Rows whose nucleus is larger are done by themselves: none may depend on another's.
    for row in (values.exp().sum(-1) < how.top_p).nonzero().flatten().tolist():
        values, tokens = scores[row : row + 1].sort(dim=-1, descending=True)
        nucleus = _nucleus(values, how.top_p)
        picked[row] = _draw(nucleus, tokens, seeds[row : row + 1], step)[0]
    return picked


def gumbel_noise(seeds: torch.Tensor, step: int, tokens: torch.Tensor) -> torch.Tensor:
    """Return Gumbel(0, 1) noise, (rows, candidates), in float64 where the device has it.

    Args:
        seeds: (rows,) int64, 0 to 2³²−1.
        step: which token of the answer is drawn, from 0.
        tokens: (rows, candidates) int64 token ids.
    """
    base = _mixed(_mixed(seeds ^ 0x9E3779B9) + (step * 0x632BE5AB & _MASK))[:, None]
    high = _mixed((tokens * 0x9E3779B1) ^ base)
    low = _mixed(high + base + 0x7F4A7C15)
    # As many bits as the type holds, in the middle of their steps: never 0, never 1.
    if tokens.device.type == "mps":
        uniform = ((high >> 9).float() + 0.5) * 2.0**-23
    else:
        uniform = (((high >> 6) << 26 | low >> 6).double() + 0.5) * 2.0**-52
    return -torch.log(-torch.log(uniform))


def _mixed(value: torch.Tensor) -> torch.Tensor:
    """Return the finaliser of MurmurHash3 (32 bits, Appleby, public domain) of each element."""
    value = value & _MASK
    value = ((value ^ (value >> 16)) * 0x85EBCA6B) & _MASK
    value = ((value ^ (value >> 13)) * 0xC2B2AE35) & _MASK
    return value ^ (value >> 16)


def _draw(
    scores: torch.Tensor, tokens: torch.Tensor, seeds: torch.Tensor, step: int
) -> torch.Tensor:
    """Draw a token of each row from log-probabilities, (rows, candidates) as `tokens`."""
    noisy = gumbel_noise(seeds, step, tokens) + scores
    return tokens.gather(-1, noisy.argmax(dim=-1, keepdim=True)).squeeze(-1)


def _nucleus(scores: torch.Tensor, top_p: float) -> torch.Tensor:
    """Keep the likeliest tokens that together reach `top_p` (arXiv:1904.09751), at least one.

    `scores` are log-probabilities in falling order. What is left out becomes −inf.
    """
    if top_p == 1:
        return scores
    probabilities = scores.exp()
    before = probabilities.cumsum(-1) - probabilities
    return scores.masked_fill(before >= top_p, float("-inf"))
