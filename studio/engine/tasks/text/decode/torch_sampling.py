"""Token sampling with torch, on any device. What is computed is said in `sampling`."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from studio.engine.tasks.text.decode.sampling import (
    Sampling,
    penalise_seen,
    pick_candidates,
)

_MASK = 0xFFFFFFFF
_CANDIDATES = 1024
"""Number of candidates when top-k is off. They nearly always contain the whole nucleus."""


class SeenTokens:
    """The tokens in the prompt and answer of each row, for the repetition penalty.

    Args:
        prompts: token ids of each row's prompt, at least one.
        room: maximum length of an answer, in tokens.
        device: torch's name of the device.
    """

    def __init__(self, prompts: Sequence[Sequence[int]], room: int, device: str) -> None:
        known = {id(prompt): sorted(set(prompt)) for prompt in prompts}
        self._used = max(map(len, known.values()))
        rows = [known[id(prompt)] for prompt in prompts]
        # Padded with the first token, which has no effect: duplicates count once.
        full = [row + row[:1] * (self._used - len(row)) for row in rows]
        self._ids = torch.zeros(len(rows), self._used + room, dtype=torch.int64, device=device)
        self._ids[:, : self._used] = torch.tensor(full, device=device)

    def add(self, tokens: torch.Tensor) -> None:
        """Add the newest token of each row, (rows,)."""
        self._ids[:, self._used] = tokens
        self._used += 1

    def keep(self, rows: torch.Tensor) -> None:
        """Keep the given rows, in this order; rows may be repeated."""
        self._ids = self._ids[rows]

    def penalise(self, logits: torch.Tensor, penalty: float) -> None:
        """Make seen tokens less likely, in place (CTRL, arXiv:1909.05858).

        Args:
            logits: (rows, vocabulary) float32.
            penalty: above 1 discourages; positive logits are divided, negative multiplied.
        """
        if penalty == 1.0:
            return
        ids = self._ids[:, : self._used]
        if logits.device.type == "cpu":
            penalise_seen(logits.numpy(), ids.numpy(), penalty)
            return
        scores = logits.gather(1, ids)
        logits.scatter_(1, ids, torch.where(scores < 0, scores * penalty, scores / penalty))


def pick(logits: torch.Tensor, seeds: torch.Tensor, step: int, sampling: Sampling) -> torch.Tensor:
    """Return the next token of each row, (rows,) int64.

    Args:
        logits: (rows, vocabulary) float32, penalties applied.
        seeds: (rows,) int64, 0 to 2³²−1.
        step: index of the token in the answer, from 0.
        sampling: the parameters; temperature 0 takes the most likely token.
    """
    if sampling.temperature == 0:
        return logits.argmax(dim=-1)
    if logits.device.type != "cpu" or (sampling.top_k == 0 and sampling.top_p == 1):
        return pick_with_torch(logits, seeds, step, sampling)
    picked, missing = pick_candidates(logits.numpy(), seeds.numpy(), step, sampling)
    tokens = torch.from_numpy(picked)
    for row in missing:
        one = slice(row, row + 1)
        tokens[one] = pick_with_torch(logits[one], seeds[one], step, sampling)
    return tokens


def pick_with_torch(
    logits: torch.Tensor, seeds: torch.Tensor, step: int, sampling: Sampling
) -> torch.Tensor:
    """Return the next token of each row, on any device. See `pick`; not for temperature 0."""
    vocabulary = logits.shape[-1]
    if 0 < sampling.top_k < vocabulary:
        values, tokens = logits.topk(sampling.top_k, dim=-1)
        scores = torch.log_softmax(values / sampling.temperature, dim=-1)
        return _draw(_likely(scores, sampling), tokens, seeds, step)
    scores = torch.log_softmax(logits / sampling.temperature, dim=-1)
    if sampling.top_p == 1:
        tokens = torch.arange(vocabulary, device=logits.device).expand_as(scores)
        return _draw(_likely(scores, sampling), tokens, seeds, step)
    values, tokens = scores.topk(min(_CANDIDATES, vocabulary), dim=-1)
    picked = _draw(_likely(values, sampling), tokens, seeds, step)
    # Rows with a larger nucleus are handled one by one, so that no row depends on another.
    for row in (values.exp().sum(-1) < sampling.top_p).nonzero().flatten().tolist():
        values, tokens = scores[row : row + 1].sort(dim=-1, descending=True)
        picked[row] = _draw(_likely(values, sampling), tokens, seeds[row : row + 1], step)[0]
    return picked


def gumbel_noise(seeds: torch.Tensor, step: int, tokens: torch.Tensor) -> torch.Tensor:
    """Return Gumbel(0, 1) noise, (rows, candidates), in float64 where the device has it.

    Args:
        seeds: (rows,) int64, 0 to 2³²−1.
        step: index of the token in the answer, from 0.
        tokens: (rows, candidates) int64 token ids.
    """
    base = _murmur_mix(_murmur_mix(seeds ^ 0x9E3779B9) + (step * 0x632BE5AB & _MASK))[:, None]
    high = _murmur_mix((tokens * 0x9E3779B1) ^ base)
    low = _murmur_mix(high + base + 0x7F4A7C15)
    # As many bits as the type holds, plus half a step: never 0, never 1.
    if tokens.device.type == "mps":
        uniform = ((high >> 9).float() + 0.5) * 2.0**-23
    else:
        uniform = (((high >> 6) << 26 | low >> 6).double() + 0.5) * 2.0**-52
    return -torch.log(-torch.log(uniform))


def _murmur_mix(value: torch.Tensor) -> torch.Tensor:
    """Apply the finaliser of MurmurHash3 (32 bits, Appleby, public domain) to each element."""
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


def _likely(scores: torch.Tensor, sampling: Sampling) -> torch.Tensor:
    """Apply top-p and min-p to log-probabilities; dropped tokens become −inf.

    For top-p they are in descending order.
    """
    scores = _nucleus(scores, sampling.top_p)
    if sampling.min_p == 0:
        return scores
    least = scores.amax(-1, keepdim=True) + math.log(sampling.min_p)
    return scores.masked_fill(scores < least, float("-inf"))


def _nucleus(scores: torch.Tensor, top_p: float) -> torch.Tensor:
    """Keep the most likely tokens that together reach `top_p` (arXiv:1904.09751), at least one.

    `scores` are log-probabilities in descending order. Dropped tokens become −inf.
    """
    if top_p == 1:
        return scores
    probabilities = scores.exp()
    before = probabilities.cumsum(-1) - probabilities
    return scores.masked_fill(before >= top_p, float("-inf"))
