"""The machine's compute devices, their free memory and their best precision.

torch is imported only inside the functions that need it; the others stay cheap to call.
"""

from __future__ import annotations

import errno
import functools
import os
import platform
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from studio.formats.process_limits import address_space_limit
from studio.protocol import DeviceMemory, MemoryKind, ProblemError

if TYPE_CHECKING:
    import torch

LIBRARIES = ("torch", "transformers", "diffusers", "spandrel")

_CGROUP = Path("/sys/fs/cgroup")
_PROC = Path("/proc")
_DEVICES = Path("/dev")

# Messages of libraries that report running out of memory with a general error type.
_OUT_OF_MEMORY_PHRASES = (
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
    """A compute device. `total` is its memory in bytes, `label` its readable name."""

    name: str
    total: int
    label: str

    @property
    def kind(self) -> str:
        """`cpu`, `cuda` or `mps`, without the number."""
        return self.name.partition(":")[0]

    @property
    def description(self) -> str:
        """Name and label for recipes, e.g. `cuda (NVIDIA H200)`."""
        return f"{self.name} ({self.label})"


def needs_torch(preferred: str = "") -> bool:
    """Return whether torch has to be asked for the device: whether there may be a GPU.

    Where there is none, jobs that do not compute with torch do without its half gigabyte.
    """
    if preferred.partition(":")[0] == "cpu":
        return False
    system = platform.system()
    if system == "Linux":
        # Nodes of NVIDIA's and AMD's drivers, of WSL and of Jetson boards.
        return any(_DEVICES.glob("nvidia*")) or any(
            (_DEVICES / name).exists() for name in ("kfd", "dxg", "nvhost-gpu", "nvmap")
        )
    if system == "Windows":
        folder = Path(os.environ.get("SYSTEMROOT", r"C:\Windows")) / "System32"
        return (folder / "nvcuda.dll").exists() or any(folder.glob("amdhip64*.dll"))
    return True


def pick_device(preferred: str = "") -> Device:
    """Return the preferred device if this machine has it, otherwise the fastest one.

    Args:
        preferred: `cpu`, `cuda`, `cuda:1`, `mps`, or empty for the fastest.
    """
    if not needs_torch(preferred):
        return Device("cpu", memory_limit(), _cpu_name())
    import torch

    kind, _, number = preferred.partition(":")
    if kind != "cpu" and kind != "mps" and torch.cuda.is_available():
        index = int(number) if number.isdigit() and int(number) < torch.cuda.device_count() else 0
        properties = torch.cuda.get_device_properties(index)
        name = "cuda" if index == 0 else f"cuda:{index}"
        return Device(name, int(properties.total_memory), str(properties.name))
    if kind != "cpu" and torch.backends.mps.is_available():
        return Device("mps", memory_limit(), _cpu_name())
    return Device("cpu", memory_limit(), _cpu_name())


def best_dtype(device: Device) -> torch.dtype:
    """Return the precision to compute in: bfloat16 where the hardware supports it natively.

    A CPU without AVX-512 BF16 or AMX emulates bfloat16 and is slower than in float32.
    """
    import torch

    if device.kind == "cuda":
        with torch.cuda.device(device.name):
            native = torch.cuda.is_bf16_supported(including_emulation=False)
        return torch.bfloat16 if native else torch.float16
    if device.kind == "mps":
        modern = torch.backends.mps.is_macos_or_newer(14, 0)
        return torch.bfloat16 if modern else torch.float32
    return torch.bfloat16 if _cpu_has_native_bfloat16() else torch.float32


def available_bytes(device: Device) -> int:
    """Return the free memory of a device, in bytes.

    For a CPU (and for MPS, which shares its memory), this is the smallest of the machine's free
    memory and what remains of the limits of the control group and of the process (`ulimit -v`).
    """
    if device.kind == "cuda":
        import torch

        free, _ = torch.cuda.mem_get_info(device.name)
        # Memory cached by torch but not in use is available to new tensors.
        unused = torch.cuda.memory_reserved(device.name) - torch.cuda.memory_allocated(device.name)
        return int(free) + int(unused)
    free = int(psutil.virtual_memory().available)
    group = _cgroup_memory()
    if group is not None:
        limit, used = group
        free = min(free, max(0, limit - used))
    addresses = address_space_limit()
    if addresses is not None:
        free = min(free, max(0, addresses - int(psutil.Process().memory_info().vms)))
    return free


def memory_of(device: Device) -> DeviceMemory:
    """Return the kind, size and current free amount of a device's memory."""
    kinds: dict[str, MemoryKind] = {"cuda": "gpu", "mps": "unified"}
    return DeviceMemory(
        device.name, kinds.get(device.kind, "main"), device.total, available_bytes(device)
    )


def memory_limit() -> int:
    """Return the total main memory that this process may use, in bytes."""
    total = int(psutil.virtual_memory().total)
    group = _cgroup_memory()
    limits = (address_space_limit(), group[0] if group is not None else None)
    return min(total, *(limit for limit in limits if limit is not None), total)


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error, or one of its causes, means that memory ran out."""
    current: BaseException | None = error
    for _ in range(10):
        if current is None:
            return False
        if isinstance(current, MemoryError):
            return True
        if isinstance(current, ProblemError):
            return current.problem.kind == "out_of_memory"
        if isinstance(current, OSError) and current.errno == errno.ENOMEM:
            return True
        if type(current).__name__ == "OutOfMemoryError":
            return True
        if isinstance(current, RuntimeError) and any(
            phrase in str(current).lower() for phrase in _OUT_OF_MEMORY_PHRASES
        ):
            return True
        current = current.__cause__ or current.__context__
    return False


@functools.cache
def libraries() -> dict[str, str]:
    """Return name → version of the libraries that affect results, without importing them."""
    found: dict[str, str] = {}
    for name in LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _cgroup_memory() -> tuple[int, int] | None:
    """Return (limit, used) in bytes of the control group with the least free memory.

    None if no group has a limit. File pages that the kernel can drop at any time do not count as
    used. Source: https://docs.kernel.org/admin-guide/cgroup-v2.html and cgroup-v1/memory.html.
    """
    if not sys.platform.startswith("linux"):
        return None
    found: list[tuple[int, int]] = []
    for folder in _cgroup_folders():
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
        # Without a limit, version 2 has "max" and version 1 a number near 2^63.
        if limit.isdigit() and int(limit) < 2**60:
            found.append((int(limit), max(0, used - int(stat.get(names[2], "0")))))
    return min(found, key=lambda group: group[0] - group[1], default=None)


def _cgroup_folders() -> list[Path]:
    """Return the folders of this process's control group and its visible parents."""
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


def _cpu_name() -> str:
    if sys.platform.startswith("linux"):
        try:
            for line in (_PROC / "cpuinfo").read_text().splitlines():
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
        except OSError:
            pass
    return platform.processor() or platform.machine()


def _cpu_has_native_bfloat16() -> bool:
    import torch

    probes = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(bool(getattr(torch.cpu, probe, lambda: False)()) for probe in probes)
