"""The memory of this machine's GPU, found without torch, for choices made before an engine runs."""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

from studio.models.fit import main_memory
from studio.protocol import DeviceMemory

_SECONDS = 10.0
_MEBIBYTE = 1 << 20


@cache
def gpu_memory() -> DeviceMemory | None:
    """Return the memory of the first GPU; None if there is none that jobs could run on.

    Starts a program, which can take a second. What is free is as of the first call.
    """
    if sys.platform == "darwin" and platform.machine() == "arm64":
        memory = main_memory()
        return DeviceMemory("mps", "unified", memory.total, memory.free)
    tool = shutil.which("nvidia-smi")
    if tool is None or not Path(tool).is_absolute():  # Windows looks in the current folder
        return None
    flags = getattr(subprocess, "CREATE_NO_WINDOW", 0)  # only on Windows
    command = [tool, "--query-gpu=memory.total,memory.free", "--format=csv,noheader,nounits"]
    try:
        answer = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=True,
            creationflags=flags,
        ).stdout
        total, free = (int(part) for part in answer.splitlines()[0].split(","))
    except (OSError, subprocess.SubprocessError, ValueError, IndexError):
        return None
    return DeviceMemory("cuda", "gpu", total * _MEBIBYTE, free * _MEBIBYTE)
