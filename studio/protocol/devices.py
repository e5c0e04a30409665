"""Devices that compute, and the memory that they compute in."""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec import Struct

MemoryKind: TypeAlias = Literal["gpu", "unified", "main"]
"""Memory of a GPU's own, memory that processor and GPU share, or the main memory of a processor."""


class DeviceMemory(Struct, frozen=True):
    """The memory of a device, in bytes: all of it, and what was free when it was asked.

    `device` is its name as torch writes it: `cpu`, `cuda`, `cuda:1`, `mps`.
    """

    device: str
    kind: MemoryKind
    total: int
    free: int
