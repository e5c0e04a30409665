"""The one place that makes engines: which ones there are is decided here."""

from __future__ import annotations

from pathlib import Path

from studio.engine.api import Engine
from studio.engine.local.client import EngineClient
from studio.formats.gguf_cache import CACHE_VARIABLE


def local_engine(*, logs: Path, cache: Path, device: str = "", threads: int = 0) -> Engine:
    """Return the engine of this machine. It starts with its first command.

    Args:
        logs: folder of its log file.
        cache: folder of what it keeps from one start to the next.
        device: preferred device, empty for the quickest.
        threads: threads to compute with, 0 for one a physical core.
    """
    return EngineClient(
        log_dir=logs,
        device=device,
        threads=threads,
        extra_environment={CACHE_VARIABLE: str(cache)},
    )


def make_engines(
    *, logs: Path, cache: Path, device: str = "", threads: int = 0
) -> tuple[Engine, ...]:
    """Return every engine that jobs can be run on, that of this machine first."""
    return (local_engine(logs=logs, cache=cache, device=device, threads=threads),)
