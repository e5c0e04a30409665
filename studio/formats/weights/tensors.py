"""Descriptions of the tensors in a weight file, independent of its format."""

from __future__ import annotations

from typing import TypeAlias

from msgspec import Struct


class TensorInfo(Struct, frozen=True):
    """One tensor of a weight file. `dtype` is lower-case: "f32", "bf16", "q4_1"."""

    shape: tuple[int, ...]
    dtype: str
    nbytes: int

    @property
    def elements(self) -> int:
        count = 1
        for side in self.shape:
            count *= side
        return count


Tensors: TypeAlias = dict[str, TensorInfo]
"""Name → tensor, in file order."""


def count_parameters(tensors: Tensors) -> int:
    """Return the total number of weights."""
    return sum(tensor.elements for tensor in tensors.values())
