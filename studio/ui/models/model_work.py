"""Longer work on installed models in the background: check, convert, move, remove, restore."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from PySide6.QtCore import QObject, Signal

from studio.protocol import Problem, ProblemError, problem, readable_size
from studio.ui.shell.state import AppState
from studio.ui.style.translations import tr, translated
from studio.ui.widgets.plain_text import one_line

if TYPE_CHECKING:
    from studio.models.registry import Registry
    from studio.models.storage.model_trash import RemovedModel

    _Step = Callable[[Registry, str, Callable[[int, int], None], Callable[[], None]], object]

_MOST_NAMES = 3
"""Names in a sentence."""


class _Removed(Struct, frozen=True):
    """`trashed` is None if only the list was changed; then `path` can be added again."""

    id: str
    name: str
    path: str
    trashed: RemovedModel | None


class ModelWork(QObject):
    """One per `AppState`: see `model_work_of`. One piece of work at a time.

    It goes on when the dialog is closed.
    """

    changed = Signal()
    """`is_running` has changed."""
    progressed = Signal(str, float)
    """What is being done, and how much of it from 0 to 1."""
    ended = Signal(str, bool)
    """What to say about it, and whether that is a problem."""

    def __init__(self, state: AppState) -> None:
        super().__init__(state)
        self._state = state
        self._stop = threading.Event()
        self._removed: tuple[_Removed, ...] = ()
        self.is_running = False
        state.closing.connect(self.cancel)

    @property
    def can_undo(self) -> bool:
        """Whether the last removal can be undone."""
        return bool(self._removed) and not self.is_running

    def cancel(self) -> None:
        """Stop; what is done stays done, and nothing is half done."""
        self._stop.set()

    def forget(self) -> None:
        """Offer no more to undo the last removal; the trash still has it."""
        self._removed = ()

    def check(self, ids: Sequence[str], names: Sequence[str]) -> None:
        """Read the files of models, and say whether they are intact."""

        def step(registry: Registry, id: str, *_: object) -> None:
            found = registry.verify(id)
            if found is not None:
                raise ProblemError(found)

        done = self.tr("The files are intact.")
        self._each(ids, names, step, self.tr("Checking {name}…"), lambda *_: done)

    def convert(self, ids: Sequence[str], names: Sequence[str]) -> None:
        """Write the weights of models as safetensors, which are used from then on."""

        def step(registry: Registry, id: str, _: object, check: Callable[[], None]) -> None:
            from studio.models.storage.convert_model import convert_installed

            convert_installed(registry, id, check)

        done = self.tr("Converted: {names}. The old files stay beside the new ones.")
        self._each(
            ids,
            names,
            step,
            self.tr("Converting {name}…"),
            lambda _, names: done.format(names=names),
        )

    def convert_path(self, path: Path) -> None:
        """Convert a file or folder that is not listed, and add it."""

        def step(registry: Registry, _id: str, _: object, check: Callable[[], None]) -> None:
            from studio.models.storage.convert_model import convert_and_add

            convert_and_add(registry, path, check)

        done = self.tr("Added: {name}")
        doing = self.tr("Converting {name}…")
        self._each([""], [path.name], step, doing, lambda _, names: done.format(name=names))

    def move(self, ids: Sequence[str], names: Sequence[str], folder: Path) -> None:
        """Move the files of models into a folder, perhaps on another disk."""
        paths = self._state.paths

        def step(
            registry: Registry,
            id: str,
            report: Callable[[int, int], None],
            check: Callable[[], None],
        ) -> None:
            from studio.models.storage.move_model import move_model

            move_model(registry, paths, id, folder, report, check)

        done = self.tr("Moved to {folder}: {names}")
        self._each(
            ids,
            names,
            step,
            self.tr("Moving {name}…"),
            lambda _, names: done.format(folder=folder, names=names),
        )

    def remove(self, ids: Sequence[str], names: Sequence[str], *, files: bool) -> None:
        """Take models off the list; with `files`, move our own files to the trash."""
        paths = self._state.paths
        name_of = dict(zip(ids, names, strict=True))

        def step(registry: Registry, id: str, *_: object) -> _Removed:
            from studio.models.storage.model_trash import remove_with_files

            path = registry.path_of(id)
            trashed = None
            if files:
                trashed = remove_with_files(registry, paths, id)
            else:
                registry.remove(id)
            return _Removed(id, name_of[id], str(path or ""), trashed)

        def said(found: list[object], removed: str) -> str:
            self._removed = tuple(each for each in found if isinstance(each, _Removed))
            trashed = [each.trashed for each in self._removed if each.trashed is not None]
            if not trashed:
                return self.tr("Off the list: {names}. The files stay.").format(names=removed)
            size = readable_size(sum(each.size for each in trashed))
            return self.tr("Removed: {names}. The trash keeps {size} until it is emptied.").format(
                names=removed, size=size
            )

        self._each(ids, names, step, self.tr("Removing {name}…"), said)

    def undo(self) -> None:
        """Bring back what the last removal took away."""
        removed, self._removed = self._removed, ()
        paths = self._state.paths

        def step(registry: Registry, place: str, *_: object) -> None:
            from studio.models.storage.model_trash import restore_model

            each = removed[int(place)]
            if each.trashed is not None:
                restore_model(registry, paths, each.trashed.key)
            else:
                registry.bring_back(each.id, Path(each.path))

        places = [str(place) for place in range(len(removed))]
        names = [each.name for each in removed]
        done = self.tr("Restored: {names}")
        doing = self.tr("Restoring {name}…")
        self._each(places, names, step, doing, lambda _, names: done.format(names=names))

    # ---- private

    def _each(
        self,
        ids: Sequence[str],
        names: Sequence[str],
        step: _Step,
        doing: str,
        said: Callable[[list[object], str], str],
    ) -> None:
        """Run `step` for each model; go on with the others if one fails."""
        if self.is_running or not ids:
            return
        names = [one_line(name, 60) for name in names]
        self._removed = ()
        self._stop = stop = threading.Event()
        progressed = self.progressed
        found: list[object] = []
        done: list[str] = []
        failed: list[tuple[str, Problem]] = []

        def check() -> None:
            if stop.is_set():
                raise problem("cancelled", "It was cancelled.")

        def work() -> None:
            registry = self._state.open_registry()
            for number, (id, name) in enumerate(zip(ids, names, strict=True)):
                start = number / len(ids)
                progressed.emit(doing.format(name=name), start)

                def report(done: int, total: int, start: float = start, name: str = name) -> None:
                    share = done / total / len(ids) if total else 0.0
                    progressed.emit(doing.format(name=name), start + share)

                try:
                    check()
                    found.append(step(registry, id, report, check))
                    done.append(name)
                except ProblemError as error:
                    failed.append((name, error.problem))
                    if error.problem.kind == "cancelled":
                        return

        def ended() -> None:
            self._set_running(is_running=False)
            self._state.refresh_models()
            text = said(found, _listed(done)) if found else ""
            problems = [_text(name, each) for name, each in failed]
            is_problem = any(each.kind != "cancelled" for _, each in failed)
            self.ended.emit("\n".join(part for part in (text, *problems) if part), is_problem)

        def refused(found: Problem) -> None:
            failed.append(("", found))
            ended()

        self._set_running(is_running=True)
        progressed.emit(doing.format(name=names[0]), 0.0)
        self._state.background.long(self, work, lambda _: ended(), refused)

    def _set_running(self, *, is_running: bool) -> None:
        self.is_running = is_running
        self.changed.emit()


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:_MOST_NAMES])
    if len(names) <= _MOST_NAMES:
        return shown
    return tr("{names} and {n} more").format(names=shown, n=len(names) - _MOST_NAMES)


def _text(name: str, found: Problem) -> str:
    message = translated(found.message)
    is_clear = not name or name in message or found.kind == "cancelled"
    return message if is_clear else f"{name}: {message}"


def model_work_of(state: AppState) -> ModelWork:
    """Return the work on models of a state, created on first use."""
    found = state.findChild(ModelWork)
    return found if isinstance(found, ModelWork) else ModelWork(state)
