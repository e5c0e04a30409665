"""Which token comes next: penalties, filters, and noise that depends on the seed alone.

Sampling is done as Gumbel-max: adding Gumbel noise to the log-probabilities and taking the
largest is a draw from the distribution (Gumbel 1954; Maddison et al. 2014, arXiv:1411.0030).
The noise is a hash of (seed of the row, step, token), with no generator whose state could
depend on the other rows, so a row's text is the same alone and in any batch.
"""

from __future__ import annotations

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


def _mixed(value: torch.Tensor) -> torch.Tensor:
    """Return the finaliser of MurmurHash3 (32 bit, Appleby, public domain) of each element."""
    value = (value ^ (value >> 16)) & _MASK
    value = (value * 0x85EBCA6B) & _MASK
    value = (value ^ (value >> 13)) & _MASK
    value = (value * 0xC2B2AE35) & _MASK
    return (value ^ (value >> 16)) & _MASK


def gumbel_noise(seeds: torch.Tensor, step: int, tokens: torch.Tensor) -> torch.Tensor:
    """Return Gumbel(0, 1) noise in float64.

    Args:
        seeds: (rows,) int64, 0 to 2³²−1.
        step: which token of the answer is drawn, from 0.
        tokens: (rows, candidates) int64 token ids.

    Returns:
        (rows, candidates), the same for the same (seed, step, token) everywhere.
    """
    base = _mixed(_mixed(seeds ^ 0x9E3779B9) + step * 0x632BE5AB & _MASK)
    mixed = _mixed(_mixed(tokens * 0x9E3779B1 & _MASK) ^ base[:, None])
    more = _mixed(mixed + base[:, None] + 0x7F4A7C15 & _MASK)
    uniform = (mixed.double() * 2.0**32 + more.double() + 0.5) * 2.0**-64
    uniform = uniform.clamp(1e-300, 1.0 - 2.0**-53)
    return -torch.log(-torch.log(uniform))


def penalised(logits: torch.Tensor, seen: torch.Tensor, penalty: float) -> torch.Tensor:
    """Make tokens that stood in the prompt or the answer less likely (CTRL, arXiv:1909.05858).

    Args:
        logits: (rows, vocabulary) float32.
        seen: (rows, vocabulary) bool.
        penalty: above 1 discourages; positive logits are divided, negative multiplied.
    """
    if penalty == 1.0:
        return logits
    changed = torch.where(logits > 0, logits / penalty, logits * penalty)
    return torch.where(seen, changed, logits)


def pick(logits: torch.Tensor, seeds: torch.Tensor, step: int, how: Sampling) -> torch.Tensor:
    """Return the next token of each row, (rows,) int64.

    Args:
        logits: (rows, vocabulary) float32, penalties applied.
        seeds: (rows,) int64.
        step: which token of the answer is drawn, from 0.
        how: a temperature of 0 takes the most likely token.
    """
    if how.temperature == 0:
        return logits.argmax(dim=-1)
    # Row by row along the last dimension: a reduction over one row would be split between
    # threads in another way than over many, and its rounding with it.
    scores = torch.log_softmax(logits / how.temperature, dim=-1)
    values, tokens = _candidates(scores, how)
    chosen = values.double() + gumbel_noise(seeds, step, tokens)
    place = chosen.argmax(dim=-1, keepdim=True)
    return tokens.gather(-1, place).squeeze(-1)


def _candidates(scores: torch.Tensor, how: Sampling) -> tuple[torch.Tensor, torch.Tensor]:
    """Return log-probabilities and ids, (rows, candidates); what is filtered out is −inf."""
    vocabulary = scores.shape[-1]
    if how.top_k:
        values, tokens = scores.topk(min(how.top_k, vocabulary), dim=-1)
        if how.top_p < 1:
            values = _nucleus(torch.log_softmax(values, dim=-1), how.top_p)
        return values, tokens
    if how.top_p >= 1:
        tokens = torch.arange(vocabulary, device=scores.device).expand_as(scores)
        return scores, tokens
    values, tokens = scores.topk(min(_CANDIDATES, vocabulary), dim=-1)
    if bool((values.exp().cumsum(-1)[:, -1] < how.top_p).any()):
        values, tokens = scores.sort(dim=-1, descending=True)
    return _nucleus(values, how.top_p), tokens


def _nucleus(values: torch.Tensor, top_p: float) -> torch.Tensor:
    """Keep the likeliest tokens that together reach `top_p` (arXiv:1904.09751), at least one."""
    probabilities = values.exp()
    before = probabilities.cumsum(-1) - probabilities
    return values.masked_fill(before >= top_p, float("-inf"))
