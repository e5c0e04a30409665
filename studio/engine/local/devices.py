"""What the machine offers: which device computes, how much memory is left, which precision.

torch is imported only by the functions that need it, so that the rest can be asked early.
"""

from __future__ import annotations

import errno
import functools
import platform
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from studio.protocol import DeviceMemory, MemoryKind, ProblemError

if TYPE_CHECKING:
    import torch

LIBRARIES = ("torch", "transformers", "diffusers", "spandrel")

_CGROUP = Path("/sys/fs/cgroup")
_PROC = Path("/proc")

# What the libraries say when memory ran out without raising an error type of its own.
_OUT_OF_MEMORY = (
    "out of memory",
    "can't allocate memory",
    "cannot allocate memory",
    "not enough memory",
    "cublas_status_alloc_failed",
    "failed to allocate",
    "unable to allocate",
)


@dataclass(frozen=True)
class Device:
    """A device that computes. `total` is its memory in bytes, `label` is for people."""

    name: str
    total: int
    label: str

    @property
    def kind(self) -> str:
        """`cpu`, `cuda` or `mps`, without the number."""
        return self.name.partition(":")[0]

    @property
    def description(self) -> str:
        """What a recipe says of it, e.g. `cuda (NVIDIA H200)`."""
        return f"{self.name} ({self.label})"


def pick_device(preferred: str = "") -> Device:
    """Return the preferred device if this machine has it, otherwise the quickest there is.

    Args:
        preferred: `cpu`, `cuda`, `cuda:1`, `mps`, or empty for the quickest.
    """
    import torch

    kind, _, number = preferred.partition(":")
    if kind != "cpu" and kind != "mps" and torch.cuda.is_available():
        index = int(number) if number.isdigit() and int(number) < torch.cuda.device_count() else 0
        properties = torch.cuda.get_device_properties(index)
        name = "cuda" if index == 0 else f"cuda:{index}"
        return Device(name, int(properties.total_memory), str(properties.name))
    if kind != "cpu" and torch.backends.mps.is_available():
        return Device("mps", memory_limit(), _processor())
    return Device("cpu", memory_limit(), _processor())


def best_dtype(device: Device) -> torch.dtype:
    """Return the precision to compute in: bfloat16 where the device is really quick at it.

    A CPU without AVX-512 BF16 or AMX emulates bfloat16 and is slower than in float32.
    """
    import torch

    if device.kind == "cuda":
        with torch.cuda.device(device.name):
            quick = torch.cuda.is_bf16_supported(including_emulation=False)
        return torch.bfloat16 if quick else torch.float16
    if device.kind == "mps":
        modern = torch.backends.mps.is_macos_or_newer(14, 0)
        return torch.bfloat16 if modern else torch.float32
    return torch.bfloat16 if _cpu_is_quick_in_bfloat16() else torch.float32


def available_bytes(device: Device) -> int:
    """Return how many bytes may still be used on the device.

    For a CPU (and for MPS, which shares its memory) that is the smaller of the free memory of
    the machine and what is left of the control group's limit.
    """
    if device.kind == "cuda":
        import torch

        free, _ = torch.cuda.mem_get_info(device.name)
        # What torch has cached and does not use can be given to the next tensor.
        unused = torch.cuda.memory_reserved(device.name) - torch.cuda.memory_allocated(device.name)
        return int(free) + int(unused)
    free = int(psutil.virtual_memory().available)
    group = _group_memory()
    if group is not None:
        limit, used = group
        free = min(free, max(0, limit - used))
    return free


def memory_of(device: Device) -> DeviceMemory:
    """Return what memory a device computes in, and how much of it is free now."""
    kinds: dict[str, MemoryKind] = {"cuda": "gpu", "mps": "unified"}
    return DeviceMemory(
        device.name, kinds.get(device.kind, "main"), device.total, available_bytes(device)
    )


def memory_limit() -> int:
    """Return the main memory this process may use in all, in bytes."""
    total = int(psutil.virtual_memory().total)
    group = _group_memory()
    return min(total, group[0]) if group is not None else total


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether an error, or the error that caused it, means that memory ran out."""
    seen: BaseException | None = error
    for _ in range(10):
        if seen is None:
            return False
        if isinstance(seen, MemoryError):
            return True
        if isinstance(seen, ProblemError):
            return seen.problem.kind == "out_of_memory"
        if isinstance(seen, OSError) and seen.errno == errno.ENOMEM:
            return True
        if type(seen).__name__ == "OutOfMemoryError":
            return True
        if isinstance(seen, RuntimeError) and any(
            words in str(seen).lower() for words in _OUT_OF_MEMORY
        ):
            return True
        seen = seen.__cause__ or seen.__context__
    return False


@functools.cache
def libraries() -> dict[str, str]:
    """Return name → version of the libraries that shape a result, without importing them."""
    found: dict[str, str] = {}
    for name in LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _group_memory() -> tuple[int, int] | None:
    """Return (limit, used) in bytes of the tightest control group, None where none limits.

    Source: https://docs.kernel.org/admin-guide/cgroup-v2.html and cgroup-v1/memory.html. File
    pages that the kernel can drop at once are not counted as used.
    """
    if not sys.platform.startswith("linux"):
        return None
    found: list[tuple[int, int]] = []
    for folder in _group_folders():
        v2 = (folder / "memory.max").exists()
        names = ("memory.max", "memory.current", "inactive_file")
        if not v2:
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
        try:
            limit = (folder / names[0]).read_text().strip()
            used = int((folder / names[1]).read_text())
            stat = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
        except (OSError, ValueError):
            continue
        # Version 2 says "max" where there is no limit, version 1 a number near 2^63.
        if limit.isdigit() and int(limit) < 2**60:
            found.append((int(limit), max(0, used - int(stat.get(names[2], "0")))))
    return min(found, key=lambda group: group[0] - group[1], default=None)


def _group_folders() -> list[Path]:
    """Return this process's control group and its parents; inside a container, what is seen."""
    try:
        lines = (_PROC / "self" / "cgroup").read_text().splitlines()
    except OSError:
        return []
    folders: list[Path] = []
    for line in lines:
        number, _, rest = line.partition(":")
        controllers, _, name = rest.partition(":")
        if number == "0":
            root = _CGROUP
        elif "memory" in controllers.split(","):
            root = _CGROUP / "memory"
        else:
            continue
        group = root / name.strip("/")
        folders += [group, *(parent for parent in group.parents if parent.is_relative_to(root))]
    return folders


def _processor() -> str:
    if sys.platform.startswith("linux"):
        try:
            for line in (_PROC / "cpuinfo").read_text().splitlines():
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
        except OSError:
            pass
    return platform.processor() or platform.machine()


def _cpu_is_quick_in_bfloat16() -> bool:
    import torch

    probes = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(bool(getattr(torch.cpu, probe, lambda: False)()) for probe in probes)
