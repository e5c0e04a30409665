"""Creates the engines that the app uses."""

from __future__ import annotations

from pathlib import Path

from studio.engine.api import Engine
from studio.engine.local.client import EngineClient
from studio.formats.weights.gguf_cache import CACHE_VARIABLE


def local_engine(*, logs: Path, cache: Path, device: str = "", threads: int = 0) -> Engine:
    """Return the engine of this machine. Its process starts with the first command.

    Args:
        logs: folder of the log file.
        cache: folder for files that are kept between starts.
        device: preferred device, empty for the fastest.
        threads: threads to compute with, 0 for one per physical core.
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
    """Return all engines that can run jobs, the local one first."""
    return (local_engine(logs=logs, cache=cache, device=device, threads=threads),)
