"""Tests whether rows of a batch have the same result as alone, bit for bit."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from studio.engine.tasks.text.llama.context import CHUNK, LlamaContext

_WIDTHS = (2, 3, 4, 8, 16, 32)
_SHORT = (1, 5, 3)
SHORT_PROMPT = 2 * len(_SHORT)
_LONG = 260
"""Length of a long prompt: attention reads the cells of the cache in groups of 256."""


def longest_prompt(context: int | None) -> int:
    """Return the length of the longest prompt of the test, for a model with this context."""
    return _LONG if context is None else max(1, min(_LONG, context - 8))


def exact_width(
    open_context: Callable[[int, int], LlamaContext],
    vocabulary: int,
    most: int,
    check: Callable[[], None],
) -> tuple[int, int]:
    """Test batches of equal prompts of up to `most` rows and a little more.

    Returns the largest batch tested, and the largest whose rows have the same logits as alone.
    `open_context` returns a context for a number of cells and of sequences.
    """
    widths = [width for width in _WIDTHS if width // 2 < most]
    context = open_context(len(_SHORT) + 8, widths[-1])
    prompt = [token % vocabulary for token in _SHORT]
    length = len(prompt)
    try:
        with context.stopped_by(check):
            _read(context, prompt, 0, check)
            alone, exact = _after(context, [0], [length], vocabulary), 1
            for width in widths:
                check()
                if not context.truncate(0, length):
                    context.clear(0)
                    _read(context, prompt, 0, check)
                for row in range(1, width):
                    context.copy(0, row)
                rows = _after(context, range(width), [length] * width, vocabulary)
                if not bool((rows == alone).all()):
                    break
                exact = width
        return widths[-1], exact
    finally:
        context.close()


def is_exact_for_different_prompts(
    open_context: Callable[[int, int], LlamaContext],
    vocabulary: int,
    longest: int,
    check: Callable[[], None],
) -> bool:
    """Return whether rows that follow different prompts have the same logits as alone."""
    long = [(5 * place + 1) % vocabulary for place in range(longest)]
    prompts = [[token % vocabulary for token in _SHORT], long, long[:SHORT_PROMPT]]
    lengths = [len(prompt) for prompt in prompts]
    rows = range(len(prompts))
    context = open_context(longest + 8, len(prompts))
    try:
        with context.stopped_by(check):
            for row, prompt in enumerate(prompts):
                _read(context, prompt, row, check)
            together = _after(context, rows, lengths, vocabulary)
            for row, length in enumerate(lengths):
                check()
                if not context.truncate(row, length):
                    return False
                [alone] = _after(context, [row], [length], vocabulary)
                if not np.array_equal(alone, together[row]):
                    return False
        return True
    finally:
        context.close()


def is_exact_in_pieces(
    open_context: Callable[[int, int], LlamaContext],
    vocabulary: int,
    longest: int,
    check: Callable[[], None],
) -> bool:
    """Return whether prompts have the same logits in one piece as in pieces of several tokens.

    Also together with others, and if something that followed them was taken away.

    Args:
        open_context: returns a context for a number of cells and of sequences.
        vocabulary: number of tokens that the model knows.
        longest: length of the prompts to test, at least 8.
        check: called often; raises to stop.
    """
    prompts = [[(step * place + 1) % vocabulary for place in range(longest)] for step in (5, 3)]
    begun = longest // 2
    prompts[1][:begun] = prompts[0][:begun]
    shorter = [prompts[0], prompts[1][:-2]]
    context = open_context(longest + 8, 2)
    try:
        with context.stopped_by(check):
            expected = []
            for prompt in shorter:
                context.clear(0)
                _read(context, prompt, 0, check)
                expected.append(context.logits(1).copy())
            if not context.truncate(0, begun) or not context.truncate(0, begun - 2):
                return False
            check()
            _append(context, prompts[0][begun - 2 : begun], begun - 2)
            context.copy(0, 1)
            rest = longest - begun
            context.decode(
                prompts[0][begun:] + prompts[1][begun:],
                [*range(begun, longest)] * 2,
                [0] * rest + [1] * rest,
                [False] * (rest - 1) + [True] + [False] * (rest - 3) + [True, False, False],
            )
            found = context.logits(2)
            return all(np.array_equal(found[row], expected[row][0]) for row in range(2))
    finally:
        context.close()


def _append(context: LlamaContext, tokens: Sequence[int], start: int) -> None:
    number = len(tokens)
    context.decode(tokens, range(start, start + number), [0] * number, [True] * number)


def _read(
    context: LlamaContext, prompt: Sequence[int], sequence: int, check: Callable[[], None]
) -> None:
    for start in range(0, len(prompt), CHUNK):
        check()
        tokens = prompt[start : start + CHUNK]
        number = len(tokens)
        places = range(start, start + number)
        wanted = [False] * (number - 1) + [True]
        context.decode(tokens, places, [sequence] * number, wanted)


def _after(
    context: LlamaContext, sequences: Sequence[int], places: Sequence[int], vocabulary: int
) -> NDArray[np.float32]:
    """Return the logits of sequences after one more token."""
    rows = len(sequences)
    context.decode([7 % vocabulary] * rows, places, sequences, [True] * rows)
    return context.logits(rows).copy()
