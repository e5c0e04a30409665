"""How many rows a batch may have so that each gets what it would get in any other batch.

Matrix products choose their kernel by the number of rows, and kernels round in different
orders. That is enough to change a text after a few words. So the numbers of rows are tried out
on the loaded model: those whose rows agree, bit for bit, with a batch of eight are used, and a
batch of another number takes copies of a row along. In bfloat16 on a CPU with matrix units all
numbers agree; float32 there has one kernel for one row and another from four rows on.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

WIDTHS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)
REFERENCE = 8


class Agreement:
    """Numbers of rows that agree with each other; each is tried when it is first needed.

    Args:
        step: computes one token for the given number of equal rows; returns their logits,
            (rows, vocabulary).
    """

    def __init__(self, step: Callable[[int], torch.Tensor]) -> None:
        self._step = step
        logits = step(REFERENCE)
        self._row = logits[0].clone()
        self.exact = bool((logits == self._row).all())
        """Whether equal rows of one batch come out equal. Otherwise nothing can be promised."""
        self._known = {REFERENCE: True}

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
