"""Tests whether rows of a batch have the same result as alone, bit for bit."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from studio.engine.tasks.text.llama.context import CHUNK, LlamaContext

_WIDTHS = (2, 3, 4, 8, 16, 32)
_SHORT = 3
_LONG = 300
"""Lengths of the prompts. Attention reads the cells of the cache in groups of 256."""


def longest_prompt(context: int | None) -> int:
    """Return the length of the longest prompt of the test, for a model with this context."""
    return _LONG if context is None else max(1, min(_LONG, context - 8))


def exact_width(
    open_context: Callable[[int, int], LlamaContext], vocabulary: int, most: int
) -> tuple[int, int]:
    """Test batches of equal prompts of up to `most` rows and a little more.

    Returns the largest batch tested, and the largest whose rows have the same logits as alone.
    `open_context` returns a context for a number of cells and of sequences.
    """
    widths = [width for width in _WIDTHS if width // 2 < most]
    context = open_context(_SHORT + 8, widths[-1])
    try:
        prompt = _tokens(_SHORT, vocabulary)
        alone, exact = _after(context, [prompt], vocabulary), 1
        for width in widths:
            if not bool((_after(context, [prompt] * width, vocabulary) == alone).all()):
                break
            exact = width
        return widths[-1], exact
    finally:
        context.close()


def is_exact_for_different_prompts(
    open_context: Callable[[int, int], LlamaContext], vocabulary: int, longest: int
) -> bool:
    """Return whether rows that follow different prompts have the same logits as alone."""
    prompts = [_tokens(min(length, longest), vocabulary) for length in (_SHORT, _LONG, 2 * _SHORT)]
    context = open_context(longest + 8, len(prompts))
    try:
        together = _after(context, prompts, vocabulary)
        return all(
            torch.equal(_after(context, [prompt], vocabulary)[0], row)
            for prompt, row in zip(prompts, together, strict=True)
        )
    finally:
        context.close()


def _tokens(number: int, vocabulary: int) -> list[int]:
    return [(5 * place + 1) % vocabulary for place in range(number)]


def _after(
    context: LlamaContext, prompts: Sequence[Sequence[int]], vocabulary: int
) -> torch.Tensor:
    """Return the logits of rows after their prompts and one token."""
    for row in range(context.sequences):
        context.clear(row)
    for row, prompt in enumerate(prompts):
        for start in range(0, len(prompt), CHUNK):
            tokens = prompt[start : start + CHUNK]
            number = len(tokens)
            context.decode(tokens, range(start, start + number), [row] * number, [True] * number)
    rows = len(prompts)
    lengths = [len(prompt) for prompt in prompts]
    context.decode([7 % vocabulary] * rows, lengths, range(rows), [True] * rows)
    return context.logits(rows).clone()
