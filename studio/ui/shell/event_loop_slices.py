"""Split work on the GUI thread into slices, one per event loop iteration."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from importlib import import_module

from PySide6.QtCore import QObject, QTimer

Slice = Callable[[], object]

_PAUSE_MS = 1
"""A timer of 0 ms is handled among the posted events: input would wait for several slices."""


def run_in_slices(
    owner: QObject, slices: Iterable[Slice], should_continue: Callable[[], bool]
) -> None:
    """Run the first slice now and each further one in an event loop iteration of its own.

    `should_continue` is called before each slice; False stops.
    """
    remaining = iter(slices)

    def run_next() -> None:
        if not should_continue():
            return
        for run in remaining:
            run()
            QTimer.singleShot(_PAUSE_MS, owner, run_next)
            return

    run_next()


def import_slices(package: str) -> Iterator[Slice]:
    """Yield a slice per module of a package: importing all at once would freeze the window."""
    import pkgutil  # not before the first paint

    for module in pkgutil.iter_modules(import_module(package).__path__, f"{package}."):
        yield partial(import_module, module.name)
