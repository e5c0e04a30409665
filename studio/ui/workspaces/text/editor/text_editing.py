"""Editing in the Text tab: the panel beside the conversation, and the versions that are saved."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QHBoxLayout, QWidget

from studio.kinds.text import TextRequest
from studio.settings import RESOURCES
from studio.ui.shell.state import AppState
from studio.ui.widgets.plain_text import one_line
from studio.ui.workspaces.text.chat import Chat
from studio.ui.workspaces.text.conversation import Answer, Turn
from studio.ui.workspaces.text.conversation_view import ConversationView
from studio.ui.workspaces.text.side_panels import SidePanels

if TYPE_CHECKING:
    from studio.library.records import Asset
    from studio.library.store import Library
    from studio.ui.workspaces.text.editor.asking import Asking
    from studio.ui.workspaces.text.editor.document import Document, DocumentEdit
    from studio.ui.workspaces.text.editor.document_keeper import DocumentKeeper
    from studio.ui.workspaces.text.editor.editor_note import EditorNote
    from studio.ui.workspaces.text.editor.editor_panel import EditorPanel
    from studio.writing.facts.compare import FactCheck

CHECK_AFTER_MS = 800
MAX_CHECKED = 60_000
"""Characters of a text that is checked while it is typed."""


class TextEditing(QObject):
    """The panel is made when a text is opened. `row` is the layout of the tab."""

    def __init__(
        self,
        state: AppState,
        view: ConversationView,
        chat: Chat,
        request: Callable[[str], TextRequest],
        panels: SidePanels,
        row: QHBoxLayout,
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self._state = state
        self._view = view
        self._chat = chat
        self._request = request
        self._panels = panels
        self._row = row
        self._parent = parent
        self.panel: EditorPanel | None = None
        self.document: Document | None = None
        self._keeper: DocumentKeeper | None = None
        self._asking: Asking | None = None
        self._note: EditorNote | None = None
        self._loading = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(CHECK_AFTER_MS)
        self._timer.timeout.connect(self._check)
        view.edit_answer_requested.connect(self._open_answer)
        if state.library is not None:
            self._open_unsaved()
        else:
            state.library_opened.connect(self._open_unsaved)

    # ---- opening

    def _open_answer(self, turn: Turn, index: int) -> None:
        answer = turn.answers[index]
        if not answer.asset:
            return
        first = turn.prompt.strip().split("\n", 1)[0]
        self.open(answer.asset, one_line(first, 80))

    def open(self, asset: str, title: str) -> None:
        """Edit the text of a result."""
        root = self._state.library_root

        def read() -> Document:
            from studio.protocol import problem
            from studio.ui.workspaces.text.editor.document import MAX_TEXT, Document, document_id
            from studio.writing.forms.readable import readable

            library = self._state.library
            found = library.assets.get(asset) if library is not None else None
            if found is None:
                raise problem("bad_input", "This text is not in the library any more.")
            from studio.formats.chat.thoughts import without_thoughts

            text = without_thoughts(found.text)
            labels = dict(found.recipe.labels)
            text = readable(text) if labels.get("form") else text
            if len(text) > MAX_TEXT:
                raise problem(
                    "bad_input",
                    "The text is too long to edit: at most {most} characters are possible.",
                    most=f"{MAX_TEXT:,}",
                )
            id = document_id(found.id, found.job)
            named = _form_title(labels.get("form", ""), root) or title
            return Document(id=id, text=text, title=named, source=found.id, form=labels)

        self._state.background.read(
            self,
            read,
            lambda document: self._made().open(document, self._show),
            self._state.problem.emit,
        )

    def _open_unsaved(self) -> None:
        if self._state.library is None or self._state.settings.is_unknown:
            return

        def show(document: Document) -> None:
            self._show(document)
            self._state.show_message(
                self.tr("The text that you edited last is open again. It is not saved yet."), "info"
            )

        root = self._state.library_root

        def read() -> list[str]:
            # Not at the top: the window starts without it.
            from studio.ui.workspaces.text.editor.document_files import DocumentFiles

            return DocumentFiles(root).unsaved()

        def found(unsaved: list[str]) -> None:
            if unsaved and self.document is None:
                self._made().open_unsaved(show)

        self._state.background.read(self, read, found, self._state.problem.emit)

    def _made(self) -> DocumentKeeper:
        """Create the panel and what belongs to it, once."""
        if self._keeper is not None:
            return self._keeper
        from studio.ui.workspaces.text.editor.asking import Asking
        from studio.ui.workspaces.text.editor.document_keeper import DocumentKeeper
        from studio.ui.workspaces.text.editor.editor_note import EditorNote
        from studio.ui.workspaces.text.editor.editor_panel import EditorPanel

        panel = self.panel = EditorPanel(self._parent)
        panel.hide()
        self._row.insertWidget(self._row.count() - 1, panel, 1)
        self._panels.set_editor(panel)
        panel.closed.connect(self.close)
        panel.save_clicked.connect(self.save_version)
        panel.export_clicked.connect(self._ask_for_export)
        panel.pictures_clicked.connect(self._draw_shots)
        panel.editor.edited.connect(self._edited)
        self._asking = Asking(self._state, panel, self._ask_request, self._document_id, self)
        self._asking.accepted.connect(self._accepted)
        self._note = EditorNote(self._state, panel, lambda: self.document, self)
        self._keeper = DocumentKeeper(self._state, panel.editor.text, self)
        return self._keeper

    def _show(self, document: Document) -> None:
        panel, asking = self.panel, self._asking
        assert panel is not None and asking is not None
        asking.close()
        self.document = document
        self._loading = True
        panel.show_text(document.title or one_line(document.text, 60), document.text)
        self._loading = False
        self._panels.show_editor(True)
        self._show_state()
        if self._note is not None:
            self._note.look_up()
        self._timer.start()
        panel.editor.setFocus()

    def close(self) -> None:
        """Close the editor. What was not saved is kept, and opens again with the result."""
        if self.panel is None or self._keeper is None or self._asking is None:
            return
        self._asking.close()
        if self.document is not None and not self.document.is_saved:
            self._state.show_message(
                self.tr("The changed text is kept. It opens again with “Edit this text”."), "info"
            )
        self._keeper.close_document()
        self.document = None
        self._panels.show_editor(False)

    # ---- typing

    def _edited(self) -> None:
        if self._loading or self.document is None or self._keeper is None:
            return
        if self.document.is_saved:
            self.document.is_saved = False
            self._show_state()
        self._keeper.save_soon()
        self._timer.start()

    def _show_state(self) -> None:
        document = self.document
        if document is None or self.panel is None:
            return
        if not document.is_saved:
            text = self.tr("Not saved as a version yet")
        elif document.versions:
            text = self.tr("Saved as version {n}").format(n=document.versions)
        else:
            text = self.tr("As it was written")
        self.panel.show_state(text)
        self.panel.save.setEnabled(not document.is_saved)
        if self._note is not None:
            self._note.show()

    def _document_id(self) -> str:
        return self.document.id if self.document is not None else ""

    def _ask_request(self, system: str, prompt: str) -> TextRequest:
        request = self._request(prompt)
        plain = {"messages": (), "schema": "", "regex": "", "stop": (), "answer_start": ""}
        return request.with_values(system_prompt=system, **plain)

    def _accepted(self, edit: DocumentEdit) -> None:
        if self.document is not None:
            self.document.edits.append(edit)

    def _check(self) -> None:
        """Check the text by the form that it was made with."""
        document, panel = self.document, self.panel
        if document is None or panel is None:
            return
        text, labels = panel.editor.text(), dict(document.form)
        if not labels.get("form") or len(text) > MAX_CHECKED:
            panel.show_check(None)
            return
        root = self._state.library_root

        def check() -> FactCheck | None:
            from studio.jobs.forms.form_request import use_of_labels
            from studio.writing.forms.form_folders import list_brands, list_forms

            use = use_of_labels(labels, list_forms(RESOURCES, root), list_brands(root))
            return use.check(text) if use is not None else None

        def show(found: FactCheck | None) -> None:
            if self.document is document and panel.editor.text() == text:
                panel.show_check(found, text.strip())

        self._state.background.read(self, check, show, self._state.problem.emit)

    # ---- versions

    def save_version(self) -> None:
        """Keep the text in the library as a version of the result that it was made from."""
        document, panel = self.document, self.panel
        if document is None or panel is None or document.is_saved:
            return
        text, source = panel.editor.text(), document.source
        if not text.strip():
            self._state.show_message(self.tr("An empty text is not saved."), "warning")
            return
        edits = list(document.edits)
        panel.save.setEnabled(False)

        def keep(library: Library) -> Asset:
            from studio.library.recipes.edited_versions import Edit
            from studio.protocol import problem

            found = library.assets.get(source)
            if found is None:
                raise problem(
                    "bad_input",
                    "The result that this text was made from is not in the library any more. "
                    "Copy the text, or export it.",
                )
            said = [edit.said for edit in edits]
            used = [edit.asset for edit in edits if edit.asset]
            return library.versions.keep(found, Edit(document.id, text, said, used), library.label)

        def kept(asset: Asset) -> None:
            document.source, document.versions = asset.id, asset.row + 1
            document.edits = document.edits[len(edits) :]
            document.form = dict(asset.recipe.labels)
            document.is_saved = panel.editor.text() == text
            if self._keeper is not None and self.document is document:
                self._keeper.save_soon()
                self._show_state()
            self._add_to_conversation(source, asset)

        self._state.change_assets(self, keep, kept, lambda: panel.save.setEnabled(True))

    def _ask_for_export(self) -> None:
        from studio.ui.workspaces.text.export.export_dialog import ask_for_file
        from studio.writing.editing.script_times import script_lines

        document, panel = self.document, self.panel
        if document is None or panel is None:
            return
        text = panel.editor.text()
        ask_for_file(
            self.tr("Export the text"),
            document.title or one_line(text, 60),
            self._parent,
            self.export,
            with_subtitles=bool(script_lines(text)),
        )

    def _draw_shots(self) -> None:
        """Open a table with a request for a picture of each shot."""
        if self.panel is None:
            return
        text, folder = self.panel.editor.text(), self._state.paths.cache / "tables"

        def work() -> Path:
            from studio.ui.workspaces.text.export.shot_table import write_shot_table

            return write_shot_table(text, folder)

        self._state.background.read(
            self, work, self._state.destinations.open_table, self._state.problem.emit
        )

    def export(self, path: Path) -> None:
        """Write the text into a file."""
        from studio.ui.workspaces.text.export.text_export import ExportedText, export_text

        document, panel = self.document, self.panel
        if document is None or panel is None:
            return
        exported = ExportedText(
            title=document.title,
            text=panel.editor.text(),
            asset=document.source,
            labels=dict(document.form),
            is_changed=not document.is_saved,
        )
        export_text(self._state, self, exported, path)

    def _add_to_conversation(self, source: str, asset: Asset) -> None:
        """Go on with the edited text in the conversation that the result is from."""
        conversation = self._chat.conversation
        for turn in conversation.turns:
            if any(answer.asset == source for answer in turn.answers):
                seed, path = asset.recipe.seed, str(asset.path)
                turn.answers.append(Answer(asset.text, seed, asset.id, path))
                turn.chosen = len(turn.answers) - 1
                view = self._view.view_of(turn)
                if view is not None:
                    view.set_expanded(False)
                self._chat.keeper.save_soon(conversation)
                self._chat.changed.emit()
                return


def _form_title(form: str, root: Path) -> str:
    """Return the title of a form by its id, empty if there is none."""
    if not form:
        return ""
    from studio.writing.forms.form_folders import list_forms

    found = (each for each in list_forms(RESOURCES, root).forms if each.id == form)
    return next((one_line(each.form.title, 80) for each in found), "")
