"""Makes a storyboard in the window: its parts as jobs of the queue, then the film."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from PySide6.QtCore import QObject, Signal

from studio.protocol import Loading, Problem, Progress
from studio.storyboard.board import Board
from studio.storyboard.production import (
    PART_LABEL,
    Part,
    Shown,
    assets_of,
    batch_of,
    film_of,
    latest_parts,
    missing_parts,
    parts_of,
    shown_shots,
)
from studio.ui.shell.job_watch import Ended, JobWatch
from studio.ui.shell.state import AppState
from studio.ui.shell.typed_signal import TypedSignal

if TYPE_CHECKING:
    from studio.library.records import Asset, Job
    from studio.library.store import Library

_AGAIN = ("failed", "cancelled", "interrupted")


class Making(QObject):
    """The jobs of one storyboard. What is there is not made again."""

    shown = cast("TypedSignal[Sequence[Shown]]", Signal(object))
    """What there is of each shot."""
    film = cast("TypedSignal[Asset]", Signal(object))
    loading = cast("TypedSignal[Loading]", Signal(object))
    progress = cast("TypedSignal[Progress]", Signal(object))
    refused = cast("TypedSignal[Problem]", Signal(object))
    ended = cast("TypedSignal[str]", Signal(str))
    """The status of the whole: done, cancelled, or failed after `refused`."""

    def __init__(self, state: AppState, parent: QObject) -> None:
        super().__init__(parent)
        self._state = state
        self._board = Board()
        self._id = ""
        self._watch: JobWatch | None = None
        self._wants_film = False
        self._stopped = False
        self._problem: Problem | None = None
        self.is_running = False

    def look(self, id: str, board: Board) -> None:
        """Find out what there is of a storyboard."""
        library = self._state.library
        if library is None:
            return

        def read() -> list[Shown]:
            return shown_shots(library, board, latest_parts(library, id))

        self._state.background.read(self, read, self.shown.emit, lambda _problem: None)

    def start(self, id: str, board: Board, *, with_film: bool) -> None:
        """Make what is missing, and then the film."""
        self._id, self._board, self._wants_film = id, board, with_film
        self._stopped, self._problem, self.is_running = False, None, True
        self._read(lambda library: _wanted(library, id, parts_of(board).all()), self._submit)

    def stop(self) -> None:
        """Cancel every job that has not ended."""
        self._stopped = True
        if self._watch is not None:
            self._watch.cancel()

    def _submit(self, wanted: tuple[list[Part], list[Job]]) -> None:
        new, running = wanted
        if self._stopped:
            self._finish("cancelled")
        elif new:
            token = self._state.submit(
                [part.request for part in new],
                batch=batch_of(self._id),
                labels=[{PART_LABEL: part.key} for part in new],
            )
            self._follow(JobWatch(self._state, self, token=token))
        elif running:
            self._follow(JobWatch(self._state, self, jobs=running))
        else:
            self._parts_done()

    def _follow(self, watch: JobWatch) -> None:
        self._watch = watch
        watch.refused.connect(self._fail)
        watch.loading.connect(self.loading.emit)
        watch.progress.connect(self.progress.emit)
        watch.saved.connect(lambda _asset: self.look(self._id, self._board))
        watch.ended.connect(self._ended)

    def _ended(self, end: Ended) -> None:
        if end.problem is not None:
            self._problem = end.problem
        if self._watch is not None and self._watch.is_over:
            self._watch = None
            if self._problem is not None:
                self._fail(self._problem)
            elif self._stopped or end.status == "cancelled":
                self._finish("cancelled")
            else:
                self._parts_done()

    def _parts_done(self) -> None:
        if not self._wants_film:
            self.look(self._id, self._board)
            self._finish("done")
            return
        id, board = self._id, self._board

        def film(library: Library) -> tuple[Asset | None, list[Part], list[Job]]:
            jobs = latest_parts(library, id)
            part = film_of(board, shown_shots(library, board, jobs))
            made = assets_of(library, jobs.get(part.key)).get(0)
            return (made, *_wanted(library, id, [part])) if made is None else (made, [], [])

        self._read(film, self._film_known)

    def _film_known(self, found: tuple[Asset | None, list[Part], list[Job]]) -> None:
        made, new, running = found
        if made is not None:
            self.film.emit(made)
            self._finish("done")
        elif new or running:
            self._submit((new, running))
        else:
            self._finish("failed")

    def _read(self, work: Any, then: Any) -> None:
        library = self._state.library
        if library is None:
            self._finish("cancelled")
            return
        self._state.background.read(self, lambda: work(library), then, self._fail)

    def _fail(self, problem: Problem) -> None:
        self.refused.emit(problem)
        self._finish("failed")

    def _finish(self, status: str) -> None:
        self.is_running = False
        self.ended.emit(status)


def export(library: Library, id: str, board: Board, film: Asset, folder: Path) -> list[Path]:
    """Copy a film to a folder and write subtitles, PDF and contact sheet beside it.

    Raises `ProblemError`.
    """
    import shutil

    from studio.library.disk_problems import file_problem
    from studio.library.folder.file_names import numbered
    from studio.library.review import marked_name
    from studio.storyboard.exports import state_of, write_beside
    from studio.ui.gallery.review_states import short_note

    shots = shown_shots(library, board, latest_parts(library, id))
    state = state_of(library.assets.get(film.id) or film, shots)
    name = marked_name(film.path.name, state)
    target = folder / name
    number = 1
    while target.exists():
        number += 1
        target = numbered(folder / name, number)
    try:
        shutil.copyfile(film.path, target)
    except OSError as error:
        raise file_problem(error, folder) from error
    return [target, *write_beside(board, shots, target, note=short_note(state))]


def _wanted(library: Library, id: str, parts: list[Part]) -> tuple[list[Part], list[Job]]:
    """Return the parts to ask for, and the jobs that make others at the moment."""
    jobs = latest_parts(library, id)
    known = {key: job for key, job in jobs.items() if job.status not in _AGAIN}
    new = missing_parts(library, parts, known)
    running = [known[p.key] for p in parts if p.key in known and known[p.key].status != "done"]
    return new, running
