"""Compute devices and their memory."""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec import Struct

MemoryKind: TypeAlias = Literal["gpu", "unified", "main"]
"""A GPU's own memory, memory shared by CPU and GPU, or a CPU's main memory."""


class DeviceMemory(Struct, frozen=True):
    """The memory of a device, in bytes: `total`, and `free` at the time of the query.

    `device` is torch's name of the device: `cpu`, `cuda`, `cuda:1`, `mps`.
    """

    device: str
    kind: MemoryKind
    total: int
    free: int
