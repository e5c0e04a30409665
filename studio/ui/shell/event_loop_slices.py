"""Work of the window's own thread in small pieces, one per turn of the event loop."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from importlib import import_module

from PySide6.QtCore import QObject, QTimer

Piece = Callable[[], object]


def in_turns(owner: QObject, pieces: Iterable[Piece], wanted: Callable[[], bool]) -> None:
    """Do the first piece now and each other in a turn of its own, while they are `wanted`."""
    rest = iter(pieces)

    def next_piece() -> None:
        if not wanted():
            return
        for piece in rest:
            piece()
            QTimer.singleShot(0, owner, next_piece)
            return

    next_piece()


def imports_of(package: str) -> Iterator[Piece]:
    """Yield a piece for each module of a package: importing all at once would be felt."""
    for module in pkgutil.iter_modules(import_module(package).__path__, f"{package}."):
        yield partial(import_module, module.name)
