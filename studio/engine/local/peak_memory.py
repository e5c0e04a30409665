"""How much memory a piece of work took, for the recipes: later ones are forecast from them."""

from __future__ import annotations

import threading
from types import TracebackType

import psutil

from studio.engine.local.devices import Device

_LOOK_S = 0.02


class PeakMemory:
    """Measures as a context, above what was there when it began.

    On a GPU it is what torch allocated there. On a CPU it is the resident memory of this
    process, looked at every 20 ms: memory that malloc kept from earlier work, and that is used
    again, does not show.
    """

    def __init__(self, device: Device) -> None:
        self._device = device
        self._start = 0
        self._most = 0
        self._process = psutil.Process()
        self._done = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def stats(self) -> dict[str, float]:
        """What goes into a recipe: bytes; on a GPU also the memory that it has in all."""
        size = float(max(0, self._most - self._start))
        if self._device.kind == "cuda":
            return {"peak_memory": size, "device_memory": float(self._device.total)}
        return {"peak_memory": size}

    def __enter__(self) -> PeakMemory:
        if self._device.kind == "cuda":
            import torch

            torch.cuda.reset_peak_memory_stats(self._device.name)
            self._start = self._most = torch.cuda.memory_allocated(self._device.name)
            return self
        self._start = self._most = self._process.memory_info().rss

        def look() -> None:
            while not self._done.wait(_LOOK_S):
                self._most = max(self._most, self._process.memory_info().rss)

        self._thread = threading.Thread(target=look, name="peak-memory", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _where: TracebackType | None,
    ) -> None:
        if self._thread is None:
            import torch

            self._most = torch.cuda.max_memory_allocated(self._device.name)
            return
        self._done.set()
        self._thread.join()
        self._most = max(self._most, self._process.memory_info().rss)
