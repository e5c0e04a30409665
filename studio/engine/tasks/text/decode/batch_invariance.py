"""How many rows a batch may have so that each gets what it would get in any other batch.

Matrix products choose their kernel by the number of rows, and kernels round in different
orders. In bfloat16 that changes about one value in ten thousand, and a text after a hundred
words. So the numbers of rows are tried out: those whose rows agree, bit for bit, with a batch
of eight are used, and a batch of another number takes copies of a row along. On the CPUs that
were measured, all numbers but one row alone agree.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import torch

from studio.engine.tasks.text.decode.packed_weights import PackedLinear

WIDTHS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)
REFERENCE = 8

_DISTINCT = 512
"""Different outputs of a matrix made for trying out; more are copies of them."""


class Agreement:
    """Numbers of rows that agree with each other.

    Args:
        step: computes one token for the given number of equal rows; returns their logits,
            (rows, vocabulary). Asked once for each number of rows, when that is first needed.
        widths: numbers of rows whose matrix products agree, from `widths_that_agree`; empty
            where not even the rows of one batch do.
    """

    def __init__(self, step: Callable[[int], torch.Tensor], widths: frozenset[int]) -> None:
        self._step = step
        logits = step(REFERENCE)
        self._row = logits[0].clone()
        self.exact = bool(widths) and bool((logits == self._row).all())
        """Whether equal rows of one batch come out equal. Otherwise nothing can be promised."""
        self._known = {width: False for width in WIDTHS if width not in widths}
        self._known[REFERENCE] = True

    def agrees(self, rows: int) -> bool:
        """Whether a batch of `rows` rows computes the same as one of eight."""
        if rows not in self._known:
            self._known[rows] = bool((self._step(rows) == self._row).all())
        return self._known[rows]

    def width(self, rows: int) -> int:
        """Return how many rows to compute so that `rows` (at most `largest`) come out right."""
        if not self.exact:
            return rows
        return next((width for width in WIDTHS if width >= rows and self.agrees(width)), rows)

    def largest(self, most: int) -> int:
        """Return the largest number of rows, at most `most`, that a batch should have."""
        if not self.exact:
            return most
        fitting = [width for width in WIDTHS if width <= most]
        return next((width for width in reversed(fitting) if self.agrees(width)), most)


def widths_that_agree(model: Any) -> frozenset[int]:
    """Return the numbers of rows for which every matrix product of a model agrees with eight's.

    Each shape is tried with a matrix whose products cancel out, so that nothing is left but
    what was rounded away: any other order of adding shows. Empty where equal rows of one batch
    come out different.
    """
    agreeing = set(WIDTHS)
    with torch.inference_mode():
        for layer, rows in _layers_to_try(model):
            reference = layer(rows.expand(REFERENCE, -1)[:, None])
            if not bool((reference == reference[0]).all()):
                return frozenset()
            for width in sorted(agreeing):
                found = layer(rows.expand(width, -1)[:, None])
                if not bool((found == reference[0]).all()):
                    agreeing.discard(width)
    return frozenset(agreeing)


def _layers_to_try(model: Any) -> Iterator[tuple[Any, torch.Tensor]]:
    """Yield, for each shape of matrix, a layer like the model's and a row, (1, inputs)."""
    done: set[tuple[type, int, int]] = set()
    for layer in model.modules():
        if isinstance(layer, PackedLinear | torch.nn.Linear):
            inputs, outputs = layer.in_features, layer.out_features
        elif type(layer).__name__ == "Conv1D":  # of GPT-2 and its kin
            inputs, outputs = layer.weight.shape
        else:
            continue
        if (type(layer), inputs, outputs) in done:
            continue
        done.add((type(layer), inputs, outputs))
        matrix, row = cancelling(inputs, outputs, layer.weight)
        if isinstance(layer, PackedLinear):
            yield PackedLinear(matrix, None), row
            continue
        twin = copy.copy(layer)
        if type(layer).__name__ == "Conv1D":
            matrix = matrix.T.contiguous()
        twin._parameters = dict(layer._parameters)
        twin.weight = torch.nn.Parameter(matrix, requires_grad=False)
        yield twin, row


def cancelling(inputs: int, outputs: int, like: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return a matrix (outputs, inputs) and a row (1, inputs) whose exact product is nothing.

    Both have the type and place of `like`.
    """
    chance = torch.Generator().manual_seed(0)
    half = inputs // 2
    matrix = torch.randn(min(outputs, _DISTINCT), half, generator=chance)
    row = torch.randn(1, half, generator=chance)
    order = torch.randperm(2 * half, generator=chance)
    matrix = torch.cat([matrix, -matrix], 1)[:, order]
    row = torch.cat([row, row], 1)[:, order]
    rest = (0, inputs - 2 * half)
    matrix, row = torch.nn.functional.pad(matrix, rest), torch.nn.functional.pad(row, rest)
    matrix, row = matrix.to(like.device, like.dtype), row.to(like.device, like.dtype)
    return matrix.repeat(-(-outputs // len(matrix)), 1)[:outputs], row
