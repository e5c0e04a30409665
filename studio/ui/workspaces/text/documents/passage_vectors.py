"""Gives the passages of documents vectors, a few at a time, while no job can run."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, cast

from msgspec import Struct
from PySide6.QtCore import QObject, Signal

from studio.protocol import ModelRef, Problem, ProblemError, unexpected
from studio.ui.shell.state import AppState
from studio.ui.shell.typed_signal import TypedSignal

if TYPE_CHECKING:
    from studio.engine.api import Engine

STEP = 8
"""Passages of one call: a job that comes meanwhile waits for no more than these."""
_STRETCH = 512
"""Passages that are read from the index at once."""


class _Stretch(Struct, frozen=True):
    """Passages without a vector, as ids and texts, of `left` in all; `key` names the embedder."""

    key: str
    passages: Sequence[tuple[int, str]]
    left: int


class _Embedded(Struct, frozen=True):
    """The vectors of some passages by id, or why there are none."""

    model: ModelRef
    key: str
    vectors: Mapping[int, bytes]
    problem: Problem | None = None


class PassageVectors(QObject):
    """One for the window (`passage_vectors_of`). Without an embedder it does nothing."""

    changed = Signal()
    """`left` has changed."""
    _embedded = cast("TypedSignal[_Embedded]", Signal(object))

    def __init__(self, state: AppState) -> None:
        super().__init__(state)
        self._state = state
        self._wanted: set[str] = set()
        self._waiting: deque[tuple[int, str]] = deque()
        self._is_busy = False
        self._is_stopped = False
        self._failed: ModelRef | None = None
        self.left = 0
        """Passages that wait for a vector."""
        self._embedded.connect(self._store)
        state.models_changed.connect(self._look)
        state.closing.connect(self._stop)

    def model(self) -> ModelRef | None:
        """Return the model that makes the vectors, None if there is none."""
        from studio.jobs.documents.embedder import choose_embedder

        return choose_embedder(self._state.all_models)

    def want(self, hashes: Iterable[str]) -> None:
        """Give the passages of these documents vectors, if they have none yet."""
        new = set(hashes)
        self._wanted |= new
        if new:
            self._look()

    def want_files(self, paths: Sequence[str]) -> None:
        """Give the passages of files vectors that the index knows."""
        if self.model() is None or not paths:
            return
        state_paths = self._state.paths

        def read() -> tuple[str, ...]:
            from studio.jobs.documents.index_file import open_index

            index = open_index(state_paths)
            try:
                return index.hashes_of(paths)
            finally:
                index.close()

        self._state.background.read(self, read, self.want, self._state.problem.emit)

    # ---- private

    def _look(self) -> None:
        """Look for passages without a vector."""
        model = self.model()
        if self._is_busy or self._is_stopped or not self._wanted:
            return
        if model is None or model == self._failed:
            return
        self._is_busy = True
        paths, hashes = self._state.paths, sorted(self._wanted)
        self._wanted = set()

        def read() -> _Stretch:
            from studio.jobs.documents.embedder import Embedder, key_of, passages_without
            from studio.jobs.documents.index_file import open_index

            embedder = Embedder(key_of(model), lambda *_: (), model.languages)
            index = open_index(paths)
            try:
                found = passages_without(hashes, index, embedder)
            finally:
                index.close()
            return _Stretch(embedder.key, found[:_STRETCH], len(found))

        def found(stretch: _Stretch) -> None:
            self._waiting = deque(stretch.passages)
            self.left = stretch.left
            if stretch.passages:
                self._wanted |= set(hashes)
            self.changed.emit()
            self._embed(model, stretch.key)

        self._state.background.waiting(self, read, found, lambda each: self._give_up(model, each))

    def _embed(self, model: ModelRef, key: str) -> None:
        """Have the next passages embedded, or look for more."""
        if self._is_stopped:
            return
        if not self._waiting or model != self.model():
            self._is_busy = False
            self._look()
            return
        some = [self._waiting.popleft() for _ in range(min(STEP, len(self._waiting)))]

        def work(engine: Engine) -> None:
            from studio.jobs.documents.embedder import embed_on

            try:
                texts = tuple(text for _, text in some)
                vectors = embed_on(engine, model, texts, are_questions=False).vectors
                pairs = zip((id for id, _ in some), vectors, strict=True)
                found = _Embedded(model, key, dict(pairs))
            except ProblemError as error:
                found = _Embedded(model, key, {}, error.problem)
            except Exception as error:
                found = _Embedded(model, key, {}, unexpected(error))
            self._embedded.emit(found)

        self._state.worker.when_idle(work)

    def _store(self, found: _Embedded) -> None:
        model, paths = found.model, self._state.paths
        if found.problem is not None:
            self._give_up(model, found.problem)
            return

        def write() -> None:
            from studio.jobs.documents.index_file import open_index

            index = open_index(paths)
            try:
                index.add_vectors(found.key, found.vectors)
            finally:
                index.close()

        def written(_: None) -> None:
            self.left = max(0, self.left - len(found.vectors))
            self.changed.emit()
            self._embed(model, found.key)

        self._state.background.read(self, write, written, lambda each: self._give_up(model, each))

    def _give_up(self, model: ModelRef, problem: Problem) -> None:
        """Do without until there is another model. Only said once."""
        self._is_busy = False
        self._waiting.clear()
        self.left = 0
        self.changed.emit()
        if problem.kind != "cancelled":
            self._failed = model
            self._state.problem.emit(problem)

    def _stop(self) -> None:
        self._is_stopped = True


def passage_vectors_of(state: AppState) -> PassageVectors:
    """Return the one of a state, created on first use."""
    return state.findChild(PassageVectors) or PassageVectors(state)
