"""What a weight file says about its tensors, whatever the file format."""

from __future__ import annotations

from typing import TypeAlias

from msgspec import Struct


class TensorInfo(Struct, frozen=True):
    """One tensor as its file's header names it. `dtype` is lower-case: "f32", "bf16", "q4_1"."""

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
"""Name → tensor, in the order of the file."""


def count_parameters(tensors: Tensors) -> int:
    """Return the number of weights in all tensors together."""
    return sum(tensor.elements for tensor in tensors.values())
