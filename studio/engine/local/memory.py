"""Decides which models stay loaded, for all kinds of work.

Evicts the least recently used models first and only as many as necessary; loads one model at a
time. Linux does not report that main memory ran out (the kernel kills the process instead), so
sizes are checked before loading.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import sys
import threading
import traceback
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeVar, cast

from studio.engine.local.devices import Device, available_bytes, is_out_of_memory
from studio.engine.local.job import Job
from studio.protocol import problem, readable_size, sentence


class Loaded(Protocol):
    """A model in memory, as returned by a task's loader."""

    @property
    def nbytes(self) -> int:
        """Bytes held on the device."""
        ...

    def unload(self) -> None:
        """Release every tensor. Called once."""
        ...


T = TypeVar("T", bound=Loaded)


def model_key(path: str | Path, *parts: object) -> str:
    """Return a key for `MemoryArbiter.acquire` that changes when the model's files change.

    Args:
        path: the model's file or folder; all files below a folder count.
        parts: anything else that distinguishes loaded models, e.g. the dtype.
    """
    path = Path(path)
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    stamps: list[tuple[str, int, int]] = []
    for file in files:
        try:
            stat = file.stat()
        except OSError:
            continue
        stamps.append((str(file), stat.st_mtime_ns, stat.st_size))
    stamp = f"{hash(tuple(stamps)) & (2**64 - 1):016x}"
    return "\n".join([str(path), stamp, *(str(part) for part in parts)])


class MemoryArbiter:
    """Keeps models loaded while there is memory for them.

    Args:
        device: where models are loaded.
        available: returns the free memory in bytes; replaced by tests.
    """

    def __init__(self, device: Device, available: Callable[[], int] | None = None) -> None:
        self._device = device
        self._available = available or (lambda: available_bytes(device))
        self._lock = threading.RLock()
        self._models: OrderedDict[str, Loaded] = OrderedDict()

    def available(self) -> int:
        """Return the free memory in bytes, without unloading anything.

        Memory that malloc keeps from an earlier job does not count as free; `make_room` returns
        it to the system first.
        """
        return self._available()

    def loaded(self) -> tuple[str, ...]:
        """Return the keys of the loaded models, least recently used first."""
        with self._lock:
            return tuple(self._models)

    def find(self, key: str) -> Loaded | None:
        """Return the model for `key` if it is loaded, and mark it as recently used."""
        with self._lock:
            found = self._models.get(key)
            if found is not None:
                self._models.move_to_end(key)
            return found

    def acquire(self, key: str, need: int, load: Callable[[], T], job: Job) -> T:
        """Return the model for `key`, loading it if necessary.

        Args:
            key: identifies the model, the state of its files and its precision (`model_key`).
            need: peak memory of loading it, in bytes.
            load: loads it; called once, or a second time if memory ran out and other models
                could be unloaded.
            job: checked for cancellation.

        Raises:
            ProblemError: `out_of_memory`, if it does not fit even with all others unloaded.
            JobCancelledError: the job was cancelled before the load began.
            Exception: raised by `load`. A failed load leaves nothing in memory.
        """
        with self._lock:
            found = self.find(key)
            if found is not None:
                return cast("T", found)
            job.check()
            self._evict_outdated(key)
            free = self.make_room(need, job)
            if free < need:
                raise problem(
                    "out_of_memory",
                    "This model needs {need} of memory, but only {free} is free. Close other"
                    " programs, or choose a smaller model.",
                    need=readable_size(need),
                    free=readable_size(free),
                )
            try:
                model = load()
            except BaseException as error:
                release_frames(error)
                if not (self._models and is_out_of_memory(error)):
                    collect()
                    raise
            else:
                self._models[key] = model
                return model
            # Outside the handler: the error and its frames hold the memory of the failed load.
            self.release_all()
            job.check()
            job.warn("memory", sentence("Memory ran out. Other models were unloaded to make room."))
            try:
                model = load()
            except BaseException as error:
                release_frames(error)
                collect()
                raise
            self._models[key] = model
            return model

    def make_room(self, need: int, job: Job | None = None, keep: str = "") -> int:
        """Unload models until `need` bytes are free, least recently used first.

        The model with the key `keep` is never unloaded. Returns the free memory in bytes, which
        may be less than `need`.
        """
        with self._lock:
            free = self._available()
            if free >= need:
                return free
            collect()
            free = self._available()
            for key in [key for key in self._models if key != keep]:
                if free >= need:
                    break
                if job is not None:
                    job.check()
                self._unload(key)
                free = self._available()
            return free

    def release(self, key: str) -> None:
        """Unload one model if it is loaded."""
        with self._lock:
            if key in self._models:
                self._unload(key)

    def release_all(self) -> None:
        """Unload every model."""
        with self._lock:
            for key in list(self._models):
                self._unload(key)
            collect()

    def _evict_outdated(self, key: str) -> None:
        # A model whose files have changed since it was loaded is never used again.
        path, _, rest = key.partition("\n")
        stamp = rest.partition("\n")[0]
        for other in list(self._models):
            other_path, _, other_rest = other.partition("\n")
            if other_path == path and other_rest.partition("\n")[0] != stamp:
                self._unload(other)

    def _unload(self, key: str) -> None:
        model = self._models.pop(key)
        try:
            model.unload()
        finally:
            del model
            collect()


def collect() -> None:
    """Release unused memory: garbage, the device's cache, and malloc's free memory."""
    gc.collect()
    torch = sys.modules.get("torch")
    # Another thread may be in the middle of importing it.
    if torch is not None and not getattr(torch.__spec__, "_initializing", False):
        if torch.cuda.is_available() and torch.cuda.is_initialized():
            torch.cuda.empty_cache()
        elif torch.backends.mps.is_available():
            torch.mps.empty_cache()
    if sys.platform.startswith("linux"):
        # The engine's malloc is tuned to keep freed memory (see `environment`).
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).malloc_trim(0)


def release_frames(error: BaseException) -> None:
    """Clear the frames of an error and its causes, which may hold tensors."""
    current: BaseException | None = error
    for _ in range(10):
        if current is None:
            return
        traceback.clear_frames(current.__traceback__)
        current = current.__cause__ or current.__context__
