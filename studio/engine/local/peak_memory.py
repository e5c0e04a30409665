"""Peak memory of a piece of work. It is stored in recipes and used for later estimates."""

from __future__ import annotations

import threading
from types import TracebackType

import psutil

from studio.engine.local.devices import Device

_SAMPLE_SECONDS = 0.02


class PeakMemory:
    """A context manager that measures peak memory above the level at its start.

    On a GPU, this is the memory allocated by torch. On a CPU, it is the resident memory of this
    process, sampled every `seconds`; memory that malloc kept from earlier work and reuses is not
    counted, nor are weights that are mapped from their file and read at first use.
    """

    def __init__(self, device: Device, seconds: float = _SAMPLE_SECONDS) -> None:
        self._device = device
        self._seconds = seconds
        self._start = 0
        self._peak = 0
        self._process = psutil.Process()
        self._done = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def stats(self) -> dict[str, float]:
        """Values for the recipe so far, in bytes; on a GPU also its total memory."""
        if not self._done.is_set():
            self._sample()
        size = float(max(0, self._peak - self._start))
        if self._device.kind == "cuda":
            return {"peak_memory": size, "device_memory": float(self._device.total)}
        return {"peak_memory": size}

    def __enter__(self) -> PeakMemory:
        if self._device.kind == "cuda":
            import torch

            torch.cuda.reset_peak_memory_stats(self._device.name)
            self._start = self._peak = torch.cuda.memory_allocated(self._device.name)
            return self
        self._start = self._peak = _own_bytes(self._process)

        def sample() -> None:
            while not self._done.wait(self._seconds):
                self._sample()

        self._thread = threading.Thread(target=sample, name="peak-memory", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _where: TracebackType | None,
    ) -> None:
        self._done.set()
        if self._thread is not None:
            self._thread.join()
        self._sample()

    def _sample(self) -> None:
        if self._device.kind == "cuda":
            import torch

            self._peak = torch.cuda.max_memory_allocated(self._device.name)
        else:
            self._peak = max(self._peak, _own_bytes(self._process))


def _own_bytes(process: psutil.Process) -> int:
    """Return the resident memory without mapped files, where the system tells them apart."""
    found = process.memory_info()
    return int(found.rss) - int(getattr(found, "shared", 0))
