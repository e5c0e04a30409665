"""Documents of the Text tab: chosen by button or drop, read, and given to the model in passages."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace
from PySide6.QtCore import QEvent, QMimeData, QObject
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QFileDialog, QToolButton

from studio.formats.documents.suffixes import SUFFIXES
from studio.formats.untrusted_files import is_folder
from studio.kinds.sources import Source, numbered, short_name, sources_of
from studio.kinds.text import TextRequest
from studio.protocol import Problem, ProblemError, Request
from studio.ui.fields.model_picker import ModelPicker
from studio.ui.fields.value_chips import ValueChips
from studio.ui.shell.state import AppState
from studio.ui.style.translations import translated
from studio.ui.widgets.dialog_frame import show_dialog
from studio.ui.widgets.dropped_files import accepted_paths, dropped_paths
from studio.ui.workspaces.text.chat import Chat
from studio.ui.workspaces.text.composer import Composer
from studio.ui.workspaces.text.conversation import Turn
from studio.ui.workspaces.text.conversation_view import ConversationView
from studio.ui.workspaces.text.documents.documents_menu import DocumentsMenu
from studio.ui.workspaces.text.documents.lengths import length_text
from studio.ui.workspaces.text.documents.passage_vectors import passage_vectors_of

if TYPE_CHECKING:
    from studio.formats.documents.document import Document
    from studio.library.documents.collections import Collection
    from studio.library.documents.passage_index import PassageIndex
    from studio.ui.workspaces.text.turn_view import TurnView


class DocumentWriting(QObject):
    """Object names: `text.documents` (the button), `text.document_chips`."""

    def __init__(
        self,
        state: AppState,
        composer: Composer,
        button: QToolButton,
        view: ConversationView,
        chat: Chat,
        model: ModelPicker,
    ) -> None:
        super().__init__(composer)
        self._state = state
        self._composer = composer
        self._view = view
        self._chat = chat
        self._model = model
        self._vectors = passage_vectors_of(state)
        self._documents: dict[str, tuple[Document, ...]] = {}
        self._waiting: dict[str, str] = {}
        self._seen: set[str] = set()
        self._is_choosing = False
        self.chips = ValueChips("text.document_chips", composer)
        self.chips.removed.connect(self._remove)
        composer.hints.addWidget(self.chips)
        self._names: dict[str, str] = {}
        self.menu = DocumentsMenu(state, button, lambda each: self._is_chosen(each.folder))
        self.menu.files_requested.connect(self._choose)
        self.menu.chosen.connect(self.add_collection)
        self.menu.dropped.connect(lambda each: self._remove(each.folder))
        button.setMenu(self.menu)
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        button.clicked.connect(button.showMenu)  # by the keyboard and the command palette
        composer.setAcceptDrops(True)
        composer.installEventFilter(self)
        view.passage_requested.connect(self._open)
        chat.changed.connect(self._show_sources)
        view.built.connect(lambda _: self._show_sources())

    # ---- choosing

    def add(self, paths: Sequence[Path]) -> None:
        """Read documents, or all in a folder, and use them for what is asked from now on."""
        for path in paths:
            key = str(path)
            if key in self._documents or key in self._waiting:
                continue
            self._waiting[key] = self._names.get(key, path.name)
            self._read(key, path)
        self._show_chips()

    def add_collection(self, collection: Collection) -> None:
        """Use the documents of a collection, as they are in its folder when a prompt is sent."""
        self._names[collection.folder] = collection.name
        self.add([Path(collection.folder)])

    def _is_chosen(self, folder: str) -> bool:
        return folder in self._documents or folder in self._waiting

    def send(self, prompt: str, request: TextRequest) -> bool:
        """Send a prompt with passages of the documents. Returns False if there are none.

        The passages are looked for on another thread; nothing else is sent meanwhile.
        """
        if not self._documents and not self._waiting:
            return False
        if self._waiting or self._is_choosing:
            self._state.show_message(
                self.tr("The documents are still being read. Send again in a moment."), "info"
            )
            self._chat.refused.emit(prompt)
            return True
        chosen_before = dict(self._documents)
        paths, model = self._state.paths, self._model.ref()
        worker, embedder_model = self._state.worker, self._vectors.model()
        without_meaning: list[Problem] = []

        def choose() -> tuple[Request, dict[str, tuple[Document, ...]]]:
            from studio.jobs.documents.gather import choose_for_request
            from studio.jobs.documents.index_file import open_index
            from studio.ui.workspaces.text.documents.question_embedder import question_embedder

            embedder = question_embedder(worker, embedder_model, without_meaning.append)
            index = open_index(paths)
            try:
                now = {key: _as_it_is(key, found, index) for key, found in chosen_before.items()}
                documents = [each for found in now.values() for each in found]
                context = model.context if model is not None else None
                return choose_for_request(request, documents, index, context, embedder), now
            finally:
                index.close()

        def chosen(result: tuple[Request, dict[str, tuple[Document, ...]]]) -> None:
            found, now = result
            self._is_choosing = False
            self._documents.update({k: v for k, v in now.items() if k in self._documents})
            self._show_chips()
            self._vectors.want(each.sha256 for documents in now.values() for each in documents)
            for problem in without_meaning:
                self._state.show_message(translated(problem.message), "info")
            assert isinstance(found, TextRequest)
            self._chat.send(prompt, found)
            view = self._view.view_of(self._chat.conversation.turns[-1])
            if view is not None:
                view.sent_sources = found.sources

        def failed(problem: Problem) -> None:
            self._is_choosing = False
            self._state.problem.emit(problem)
            self._chat.refused.emit(prompt)

        self._is_choosing = True
        self._state.background.long(self, choose, chosen, failed)
        return True

    def with_sources(self, turn: Turn, request: TextRequest) -> TextRequest:
        """Return a request for one more answer to a turn, from the sources of its first one."""
        view = self._view.view_of(turn)
        if view is None:
            return request
        known = next(iter(view.sources.values()), view.sent_sources)
        return replace(request, sources=known) if known else request

    def _choose(self) -> None:
        patterns = " ".join(f"*{suffix}" for suffix in SUFFIXES)
        names, _ = QFileDialog.getOpenFileNames(
            self._composer,
            self.tr("Choose documents"),
            "",
            self.tr("Documents") + f" ({patterns})",
        )
        self.add([Path(name) for name in names])

    def _read(self, key: str, path: Path) -> None:
        paths = self._state.paths

        def read() -> tuple[tuple[Document, ...], tuple[Problem, ...]]:
            from studio.jobs.documents.gather import document_files, read_documents
            from studio.jobs.documents.index_file import open_index

            index = open_index(paths)
            try:
                found = read_documents(
                    document_files([path]), index, is_cancelled=lambda: key not in self._waiting
                )
            finally:
                index.close()
            return found.documents, found.problems

        def done(found: tuple[tuple[Document, ...], tuple[Problem, ...]]) -> None:
            if self._waiting.pop(key, None) is None:
                return
            self._documents[key] = found[0]
            self._vectors.want(document.sha256 for document in found[0])
            for problem in found[1]:
                self._state.problem.emit(problem)
            self._show_chips()

        def failed(problem: Problem) -> None:
            if self._waiting.pop(key, None) is not None:
                self._state.problem.emit(problem)
            self._show_chips()

        self._state.background.long(self, read, done, failed)

    def _remove(self, key: str) -> None:
        self._documents.pop(key, None)
        self._waiting.pop(key, None)
        self._show_chips()

    def _show_chips(self) -> None:
        texts = {
            key: self.tr("Reading {name}…").format(name=name) for key, name in self._waiting.items()
        }
        for key, found in self._documents.items():
            name = short_name(self._names.get(key, Path(key).name))
            if len(found) == 1:
                size = length_text(found[0].place, len(found[0].parts))
                texts[key] = f"{name} · {size}" if size else name
            else:
                count = self.tr("{count} documents").format(count=f"{len(found):,}")
                texts[key] = f"{name} · {count}"
        self.chips.show_values(texts)

    # ---- sources of answers

    def _show_sources(self) -> None:
        """Look up the sources of the answers that are shown and have not been looked at."""
        for turn in self._chat.conversation.turns:
            view = self._view.view_of(turn)
            if view is None:
                continue
            if turn.jobs and not view.looked_up and not any(a.asset for a in turn.answers):
                self._look_up_job(turn, view)
            for answer in turn.answers:
                if answer.asset and answer.text and answer.asset not in view.looked_up:
                    view.looked_up.add(answer.asset)
                    self._look_up(turn, answer.asset)

    def _look_up_job(self, turn: Turn, view: TurnView) -> None:
        """Look up the sources of a turn that has no answer, so that one can be written yet."""
        library, job = self._state.library, next(iter(turn.jobs))
        if library is None:
            return
        view.looked_up.add(job)

        def read() -> tuple[Source, ...]:
            found = library.queue.get(job)
            return sources_of(found.request) if found is not None else ()

        def known(sources: tuple[Source, ...]) -> None:
            view.sent_sources = view.sent_sources or sources

        self._state.background.read(view, read, known, lambda _: None)

    def _look_up(self, turn: Turn, asset: str) -> None:
        library = self._state.library
        if library is None:
            return

        def read() -> tuple[Source, ...]:
            found = library.assets.get(asset)
            return sources_of(found.recipe.request) if found is not None else ()

        def show(sources: tuple[Source, ...]) -> None:
            view = self._view.view_of(turn)
            if view is not None and sources:
                view.sources[asset] = sources
                view.refresh()

        self._state.background.read(self, read, show, lambda _: None)

    def _open(self, turn: Turn, index: int, number: int) -> None:
        """Open a passage in its page."""
        view = self._view.view_of(turn)
        sources = view.sources.get(turn.answers[index].asset, ()) if view is not None else ()
        found = next((each for each in numbered(sources) if each[0] == number), None)
        if found is None:
            return
        _, source, passage = found
        paths = self._state.paths

        def read() -> Document | None:
            from studio.jobs.documents.index_file import open_index

            opened = open_index(paths)
            try:
                return opened.document(source.sha256)
            finally:
                opened.close()

        def show(document: Document | None) -> None:
            from studio.ui.workspaces.text.sources.passage_dialog import PassageDialog

            show_dialog(PassageDialog(source, passage, document, self._composer.window()))

        self._state.background.read(self, read, show, self._state.problem.emit)

    # ---- drops

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Take documents and folders that are dropped on the composer."""
        if isinstance(event, QDropEvent):
            paths = accepted_paths(event, _dropped)
            if paths and not isinstance(event, QDragEnterEvent) and _is_drop(event):
                self.add(paths)
            return bool(paths)
        return super().eventFilter(watched, event)


def _is_drop(event: QDropEvent) -> bool:
    return event.type() == QEvent.Type.Drop


def _dropped(data: QMimeData) -> list[Path]:
    return [
        path for path in dropped_paths(data) if path.suffix.lower() in SUFFIXES or is_folder(path)
    ]


def _as_it_is(key: str, before: tuple[Document, ...], index: PassageIndex) -> tuple[Document, ...]:
    """Read what has changed of a file or folder since it was chosen; as before if it is gone."""
    from studio.jobs.documents.gather import document_files, read_documents

    try:
        return read_documents(document_files([key]), index).documents or before
    except ProblemError:
        return before
