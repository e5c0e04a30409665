"""Token sampling: repetition penalty, temperature, top-k, top-p, and seeded noise.

Uses the Gumbel-max trick: adding Gumbel noise to the log-probabilities and taking the largest
is a draw from the distribution (Gumbel 1954; Maddison et al. 2014, arXiv:1411.0030). The noise
is a hash of (seed of the row, step, token). There is no generator whose state could depend on
other rows, so a row's text is the same alone and in any batch. The filters and their order are
those of transformers: repetition penalty, temperature, top-k, top-p, min-p.

Done with numpy: llama.cpp needs no torch, and a token of a small model takes some milliseconds, of
which torch would spend a tenth on the many small operations, or wait for its threads while other
programs use the cores.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_BLOCK = 128
_CANDIDATES = 64
"""Number of candidates when top-k is off. They usually contain the whole nucleus."""

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Sampling:
    """Sampling parameters; the fields are those of `TextRequest`."""

    temperature: float
    top_p: float
    top_k: int
    repetition_penalty: float
    min_p: float = 0.0


class SeenTokens:
    """The tokens in the prompt and answer of each row, for the repetition penalty.

    Args:
        prompts: token ids of each row's prompt, at least one.
        room: maximum length of an answer, in tokens.
    """

    def __init__(self, prompts: Sequence[Sequence[int]], room: int) -> None:
        known = {id(prompt): sorted(set(prompt)) for prompt in prompts}
        self._used = max(map(len, known.values()))
        self._ids = np.zeros((len(prompts), self._used + room), np.int64)
        for row, prompt in zip(self._ids, prompts, strict=True):
            ids = known[id(prompt)]
            # Padded with the first token, which has no effect: duplicates count once.
            row[: self._used] = ids[0]
            row[: len(ids)] = ids

    def add(self, tokens: Ints) -> None:
        """Add the newest token of each row, (rows,)."""
        self._ids[:, self._used] = tokens
        self._used += 1

    def keep(self, rows: Sequence[int]) -> None:
        """Keep the given rows, in this order."""
        self._ids = self._ids[list(rows)]

    def penalise(self, logits: Floats, penalty: float) -> None:
        """Make seen tokens less likely, in place (CTRL, arXiv:1909.05858).

        Args:
            logits: (rows, vocabulary).
            penalty: above 1 discourages; positive logits are divided, negative multiplied.
        """
        if penalty != 1.0:
            penalise_seen(logits, self._ids[:, : self._used], penalty)


def pick(logits: Floats, seeds: Ints, step: int, sampling: Sampling) -> Ints:
    """Return the next token of each row, (rows,).

    Args:
        logits: (rows, vocabulary), penalties applied.
        seeds: (rows,), 0 to 2³²−1.
        step: index of the token in the answer, from 0.
        sampling: the parameters; temperature 0 takes the most likely token.
    """
    if sampling.temperature == 0:
        return np.asarray(logits.argmax(axis=1), np.int64)
    if sampling.top_k == 0 and sampling.top_p == 1:
        rows = [_pick_of_all(*row, step, sampling) for row in zip(logits, seeds, strict=True)]
        return np.array(rows, np.int64)
    tokens, missing = pick_candidates(logits, seeds, step, sampling)
    # One by one, so that no row depends on another.
    for row in missing:
        tokens[row] = _pick_of_all(logits[row], seeds[row], step, sampling)
    return tokens


def _pick_of_all(logits: Floats, seed: np.int64, step: int, sampling: Sampling) -> int:
    """Return the next token of a row, which may be any of the vocabulary; without top-k."""
    scores = logits / np.float32(sampling.temperature)
    scores -= scores.max()
    scores -= np.log(np.exp(scores).sum())
    tokens = np.arange(len(scores))
    if sampling.top_p < 1:
        tokens = np.argsort(-scores, kind="stable")
        scores = scores[tokens]
        probabilities = np.exp(scores)
        scores[probabilities.cumsum() - probabilities >= sampling.top_p] = -np.inf
    if sampling.min_p > 0:
        scores[scores < scores.max() + math.log(sampling.min_p)] = -np.inf
    noise = _gumbel_noise(np.array([seed]), step, tokens[None])[0]
    return int(tokens[(noise + scores).argmax()])


def pick_candidates(
    logits: Floats, seeds: Ints, step: int, sampling: Sampling
) -> tuple[Ints, list[int]]:
    """Return what `pick` does, and the rows for which it could not be picked.

    Those are the ones whose nucleus is larger than the number of candidates. Not for temperature
    0, nor without both top-k and top-p.
    """
    temperature, top_k = sampling.temperature, sampling.top_k
    top_p, min_p = sampling.top_p, sampling.min_p
    number = min(top_k or _CANDIDATES, logits.shape[1])
    tokens = np.zeros((len(logits), number), np.int64)
    scores = np.full((len(logits), number), -np.inf, np.float32)
    for place, row in enumerate(logits):
        found = _largest(row, number)
        tokens[place, : len(found)] = found
        scores[place, : len(found)] = row[found]
    most = scores[:, :1] / temperature
    scores = scores / temperature - most
    if top_k:
        total = np.exp(scores).sum(axis=1, keepdims=True)
    else:
        rows = zip(logits, most[:, 0], strict=True)
        total = np.array([[np.exp(row / temperature - top).sum()] for row, top in rows])
    scores = (scores - np.log(total)).astype(np.float32)
    probabilities = np.exp(scores)
    sums = probabilities.cumsum(axis=1)
    missing = [] if top_k else np.flatnonzero(sums[:, -1] < top_p).tolist()
    if top_p < 1:
        scores[sums - probabilities >= top_p] = -np.inf
    if min_p > 0:
        scores[scores < scores[:, :1] + math.log(min_p)] = -np.inf
    best = (_gumbel_noise(seeds, step, tokens) + scores).argmax(axis=1)
    return tokens[np.arange(len(logits)), best], missing


def penalise_seen(logits: Floats, seen: Ints, penalty: float) -> None:
    """Make the seen tokens of each row, (rows, tokens), less likely, in place."""
    for row, ids in zip(logits, seen, strict=True):
        scores = row[ids]
        row[ids] = np.where(scores < 0, scores * penalty, scores / penalty)


def _largest(row: Floats, number: int) -> Ints:
    """Return the places of the largest numbers in descending order, without those that are −inf.

    As many blocks as there are numbers have a largest number that is no smaller than the least of
    those blocks' largest numbers: what is below it can be left out without sorting it.
    """
    blocks = len(row) // _BLOCK
    least = -np.inf
    if number <= blocks:
        tops = row[: blocks * _BLOCK].reshape(blocks, _BLOCK).max(axis=1)
        least = np.partition(tops, blocks - number)[blocks - number]
    elif number < len(row):
        least = np.partition(row, len(row) - number)[len(row) - number]
    found = np.flatnonzero(row >= least if least > -np.inf else row > -np.inf)
    return found[np.argsort(-row[found], kind="stable")[:number]]


def _gumbel_noise(seeds: Ints, step: int, tokens: Ints) -> NDArray[np.float64]:
    """Return Gumbel(0, 1) noise, (rows, candidates)."""
    base = _murmur_mix(seeds ^ 0x9E3779B9) + (step * 0x632BE5AB & 0xFFFFFFFF)
    base = _murmur_mix(base)[:, None]
    high = _murmur_mix((tokens * 0x9E3779B1) ^ base)
    low = _murmur_mix(high + base + 0x7F4A7C15)
    uniform = (((high >> 6) << 26 | low >> 6) + 0.5) * 2.0**-52
    noise: NDArray[np.float64] = -np.log(-np.log(uniform))
    return noise


def _murmur_mix(value: Ints) -> Ints:
    value = value & 0xFFFFFFFF
    # Products may overflow: only their lowest 32 bits are used.
    value = ((value ^ (value >> 16)) * 0x85EBCA6B) & 0xFFFFFFFF
    value = ((value ^ (value >> 13)) * 0xC2B2AE35) & 0xFFFFFFFF
    return value ^ (value >> 16)
