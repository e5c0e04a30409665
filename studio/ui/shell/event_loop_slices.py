"""Split work on the GUI thread into slices, one per event loop iteration."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from pathlib import Path
from time import monotonic

from PySide6.QtCore import QObject, QTimer

Slice = Callable[[], object]

_PAUSE_MS = 1
"""A timer of 0 ms is handled among the posted events: input would wait for several slices."""

_IMPORT_S = 0.004
"""A slice of imports ends with the module after which this time has passed."""

_OURS = __name__.partition(".")[0]
_TOP_IMPORT = re.compile(r"^(?:from ([\w.]+) import|import ([\w.]+))", re.MULTILINE)


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


def import_slices(*packages: str) -> Iterator[Slice]:
    """Yield slices that import all modules below some packages, and before each what it imports.

    Importing all at once would freeze the window, and so would the first module of a package if
    it brought along everything below it.
    """
    import pkgutil  # not before the first paint

    found = (
        module.name
        for package in packages
        for module in pkgutil.walk_packages(import_module(package).__path__, f"{package}.")
    )
    seen: set[str] = set()
    left = (name for module in found for name in _lowest_first(module, seen))
    is_left = True

    def run() -> None:
        nonlocal is_left
        until = monotonic() + _IMPORT_S
        for name in left:
            import_module(name)
            if monotonic() >= until:
                return
        is_left = False

    while is_left:
        yield run


def _lowest_first(module: str, seen: set[str]) -> Iterator[str]:
    """Yield what a module imports at its top, and what that imports, then the module itself."""
    if module in sys.modules or module in seen:
        return
    seen.add(module)
    for name in _imports_of(module):
        yield from _lowest_first(name, seen)
    yield module


def _imports_of(module: str) -> list[str]:
    """Return what one of our modules imports at its top, as far as its source can be read."""
    from importlib.util import find_spec

    if not module.startswith(f"{_OURS}."):
        return []
    spec = find_spec(module)
    try:
        source = Path(spec.origin).read_text("utf-8") if spec and spec.origin else ""
    except (OSError, UnicodeDecodeError):
        return []
    return [first or second for first, second in _TOP_IMPORT.findall(source)]
