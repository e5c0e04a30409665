"""Token sampling on the CPU: what `sampling` does, for few rows with a large vocabulary.

A token of a small model takes some milliseconds, and torch would spend a tenth of that on the
many small operations of sampling, or wait for its threads while other programs use the cores.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

_BLOCK = 128
_CANDIDATES = 64
"""Number of candidates when top-k is off. They usually contain the whole nucleus."""

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


def pick_on_cpu(
    logits: Floats,
    seeds: Ints,
    step: int,
    *,
    temperature: float,
    top_k: int,
    top_p: float,
    min_p: float,
) -> tuple[Ints, list[int]]:
    """Return the next token of each row, and the rows for which it could not be picked.

    Those are the ones whose nucleus is larger than the number of candidates.

    Args:
        logits: (rows, vocabulary), penalties applied.
        seeds: (rows,), 0 to 2³²−1.
        step: index of the token in the answer, from 0.
        temperature: above 0.
        top_k: number of candidates, 0 for all.
        top_p: what the probabilities of the candidates add up to.
        min_p: their least probability, as a fraction of the largest.
    """
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


def penalise_on_cpu(logits: Floats, seen: Ints, penalty: float) -> None:
    """Make the seen tokens of each row less likely, in place; see `SeenTokens`."""
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
    """Return the noise of `sampling.gumbel_noise`."""
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
