"""Batch invariance: finds batch widths for which a row's result does not depend on the batch.

Matrix products choose their kernel by the number of rows, and kernels sum in different orders.
In bfloat16, this changes about one value in ten thousand, and a text after a hundred words.
Therefore widths (numbers of rows) are tested: those whose rows equal those of a batch of eight,
bit for bit, are used; other batches are padded with copies of a row. On the CPUs that were
measured, all widths except 1 are invariant.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import torch

from studio.engine.tasks.text.decode.packed_weights import PackedLinear

WIDTHS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)
REFERENCE = 8

_DISTINCT_OUTPUTS = 512
"""Number of distinct outputs of a test matrix; further outputs are copies."""


class InvariantWidths:
    """Batch widths that give the same results as each other.

    Args:
        step: computes one token for the given number of equal rows; returns their logits,
            (rows, vocabulary). Called at most once per width, when first needed.
        widths: widths whose matrix products are invariant, from `invariant_widths`; empty if
            not even the rows of one batch are equal.
    """

    def __init__(self, step: Callable[[int], torch.Tensor], widths: frozenset[int]) -> None:
        self._step = step
        logits = step(REFERENCE)
        self._row = logits[0].clone()
        self.exact = bool(widths) and bool((logits == self._row).all())
        """Whether equal rows of one batch give equal results. If not, no width is invariant."""
        self._known = {width: False for width in WIDTHS if width not in widths}
        self._known[REFERENCE] = True

    def is_invariant(self, rows: int) -> bool:
        """Return whether a batch of `rows` rows gives the same results as one of eight."""
        if rows not in self._known:
            self._known[rows] = bool((self._step(rows) == self._row).all())
        return self._known[rows]

    def width(self, rows: int) -> int:
        """Return the invariant width to use for `rows` rows (at most `largest`)."""
        if not self.exact:
            return rows
        return next((width for width in WIDTHS if width >= rows and self.is_invariant(width)), rows)

    def largest(self, most: int) -> int:
        """Return the largest invariant width that is at most `most`."""
        if not self.exact:
            return most
        fitting = [width for width in WIDTHS if width <= most]
        return next((width for width in reversed(fitting) if self.is_invariant(width)), most)


def invariant_widths(model: Any) -> frozenset[int]:
    """Return the widths for which all matrix products of a model equal those of width 8.

    Each shape is tested with a matrix whose products cancel out, so that only rounding errors
    remain and any other order of summation shows. Empty if equal rows of one batch differ.
    """
    invariant = set(WIDTHS)
    with torch.inference_mode():
        for layer, rows in _test_layers(model):
            reference = layer(rows.expand(REFERENCE, -1)[:, None])
            if not bool((reference == reference[0]).all()):
                return frozenset()
            for width in sorted(invariant):
                result = layer(rows.expand(width, -1)[:, None])
                if not bool((result == reference[0]).all()):
                    invariant.discard(width)
    return frozenset(invariant)


def _test_layers(model: Any) -> Iterator[tuple[Any, torch.Tensor]]:
    """Yield for each matrix shape a layer like the model's and an input row, (1, inputs)."""
    done: set[tuple[type, int, int]] = set()
    for layer in model.modules():
        if isinstance(layer, PackedLinear | torch.nn.Linear):
            inputs, outputs = layer.in_features, layer.out_features
        elif type(layer).__name__ == "Conv1D":  # used by GPT-2
            inputs, outputs = layer.weight.shape
        else:
            continue
        if (type(layer), inputs, outputs) in done:
            continue
        done.add((type(layer), inputs, outputs))
        matrix, row = cancelling_product(inputs, outputs, layer.weight)
        if isinstance(layer, PackedLinear):
            yield PackedLinear(matrix, None), row
            continue
        copied = copy.copy(layer)
        if type(layer).__name__ == "Conv1D":
            matrix = matrix.T.contiguous()
        copied._parameters = dict(layer._parameters)
        copied.weight = torch.nn.Parameter(matrix, requires_grad=False)
        yield copied, row


def cancelling_product(
    inputs: int, outputs: int, like: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return a matrix (outputs, inputs) and a row (1, inputs) whose exact product is zero.

    Both have the dtype and device of `like`.
    """
    generator = torch.Generator().manual_seed(0)
    half = inputs // 2
    matrix = torch.randn(min(outputs, _DISTINCT_OUTPUTS), half, generator=generator)
    row = torch.randn(1, half, generator=generator)
    order = torch.randperm(2 * half, generator=generator)
    matrix = torch.cat([matrix, -matrix], 1)[:, order]
    row = torch.cat([row, row], 1)[:, order]
    rest = (0, inputs - 2 * half)
    matrix, row = torch.nn.functional.pad(matrix, rest), torch.nn.functional.pad(row, rest)
    matrix, row = matrix.to(like.device, like.dtype), row.to(like.device, like.dtype)
    return matrix.repeat(-(-outputs // len(matrix)), 1)[:outputs], row
