"""What can be done with the icons that are selected: copied, saved, drawn on from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QMenu, QToolButton, QWidget

from studio.ui.gallery.review_states import short_note
from studio.ui.shell.state import AppState
from studio.ui.style.icons import icon
from studio.ui.style.theme import GRID, mute
from studio.ui.widgets.open_path import open_path
from studio.ui.widgets.plain_text import plain_label, plain_tooltip
from studio.ui.workspaces.icon.icon_files import Form, IconFile, write_files


class IconActions(QWidget):
    """Object names: `icon.copy`, `.save`, `.more_like`. Acts on the selection, else on all."""

    more_like_requested = Signal()

    def __init__(
        self,
        state: AppState,
        icons: Callable[[], Callable[[], Sequence[IconFile]]],
        size: Callable[[], int],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._state = state
        self._icons = icons
        self._size = size
        self.chosen = plain_label(parent=self)
        mute(self.chosen)
        self.copy_menu = QMenu(self.tr("Copy as"), self)
        self.copy_menu.addAction(self.tr("SVG"), partial(self.copy, "svg"))
        self.copy_menu.addAction(self.tr("JSX (React)"), partial(self.copy, "jsx"))
        self.copy_menu.addAction(self.tr("CSS data URL"), partial(self.copy, "css"))
        self.save_menu = QMenu(self.tr("Save as"), self)
        forms: tuple[tuple[str, Form], ...] = (
            (self.tr("SVG, with the recipe…"), "svg"),
            (self.tr("PNG, 16 to 512 px…"), "png"),
            (self.tr("ICO for Windows…"), "ico"),
            (self.tr("ICNS for macOS…"), "icns"),
            (self.tr("SVG sprite for web pages…"), "sprite"),
            (self.tr("Icon font with style sheet…"), "font"),
        )
        for text, form in forms:
            self.save_menu.addAction(text, partial(self._ask_folder, form))
        self.copy_button = self._button("copy", self.tr("Copy as"), "icon.copy", self.copy_menu)
        self.save_button = self._button("download", self.tr("Save as"), "icon.save", self.save_menu)
        self.more_like = self._button("sparkles", self.tr("More like this"), "icon.more_like")
        self.more_like.setToolTip(
            plain_tooltip(self.tr("Draw again from the first half of the strokes of this icon"))
        )
        self.more_like.clicked.connect(self.more_like_requested)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID // 2)
        for button in (self.more_like, self.copy_button, self.save_button):
            row.addWidget(button)
        row.addStretch(1)
        row.addWidget(self.chosen)

    def show_state(self, finished: int, selected: int) -> None:
        """Enable what can be done; say how many icons it is done with."""
        for button in (self.copy_button, self.save_button):
            button.setEnabled(finished > 0)
        self.more_like.setEnabled(selected == 1 or finished == 1)
        count = selected or finished
        self.chosen.setText(
            ""
            if not finished
            else self.tr("{n} selected").format(n=f"{count:,}")
            if selected
            else self.tr("All {n}").format(n=f"{count:,}")
        )

    def open_menu(self, at: QPoint) -> None:
        """Open a menu with everything at a place on the screen."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        more = menu.addAction(self.more_like.text(), self.more_like_requested.emit)
        more.setEnabled(self.more_like.isEnabled())
        menu.addMenu(self.copy_menu).setEnabled(self.copy_button.isEnabled())
        menu.addMenu(self.save_menu).setEnabled(self.save_button.isEnabled())
        menu.popup(at)

    def copy(self, form: str) -> None:
        """Copy the icons as text, which is made on another thread."""
        from studio.formats.icons import exports

        size, icons = self._size(), self._icons()
        make: dict[str, Callable[[IconFile], str]] = {
            "svg": lambda each: _noted("<!-- {} -->", each, each.drawing.document(size)),
            "jsx": lambda each: _noted("{{/* {} */}}", each, exports.jsx(each.drawing, size)),
            "css": lambda each: _noted("/* {} */", each, exports.css_url(each.drawing, size)),
        }

        def copied(texts: Sequence[str]) -> None:
            if not texts:
                return
            QGuiApplication.clipboard().setText("\n".join(texts))
            text = (
                self.tr("The icon was copied.")
                if len(texts) == 1
                else self.tr("{n} icons were copied.").format(n=f"{len(texts):,}")
            )
            self._state.show_message(text, "success")

        self._state.background.read(self, lambda: [make[form](each) for each in icons()], copied)

    def save(self, form: Form, folder: Path) -> None:
        """Write the icons as files of one form into a folder."""
        icons, size = self._icons(), self._size()

        def say(written: Sequence[Path]) -> None:
            if not written:
                return
            text = (
                self.tr("{name} was saved.").format(name=written[0].name)
                if len(written) == 1
                else self.tr("{n} files were saved.").format(n=f"{len(written):,}")
            )
            self._state.show_message(
                text,
                "success",
                self.tr("Open folder"),
                lambda: open_path(folder, self._state.show_message),
            )

        def write() -> list[Path]:
            from studio.library.disk_problems import file_problem

            try:
                return write_files(icons(), folder, form, size)
            except OSError as error:
                raise file_problem(error, folder) from error

        self._state.background.waiting(self, write, say, self._state.problem.emit)

    def _ask_folder(self, form: Form) -> None:
        path = QFileDialog.getExistingDirectory(self, self.tr("Save icons in"))
        if path:
            self.save(form, Path(path))

    def _button(
        self, icon_name: str, text: str, name: str, menu: QMenu | None = None
    ) -> QToolButton:
        button = QToolButton(self)
        button.setIcon(icon(icon_name))
        button.setText(text)
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        button.setAutoRaise(True)
        button.setAccessibleName(text)
        button.setObjectName(name)
        if menu is not None:
            button.setMenu(menu)
            button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        return button


def _noted(comment: str, icon: IconFile, text: str) -> str:
    """Return the text of an icon, after a comment if its state of review must be said."""
    note = short_note(icon.review)
    return f"{comment.format(note)}\n{text}" if note else text
