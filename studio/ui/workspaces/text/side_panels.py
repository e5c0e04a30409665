"""Which of the panels at the sides of the conversation are shown."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Signal
from PySide6.QtWidgets import QAbstractButton, QWidget

from studio.ui.style.theme import GRID

LEAST_WIDTH_OF_EDITOR = 52 * GRID
LEAST_WIDTH_WITH_LIST = 90 * GRID
"""Pixels without the options; in a narrower tab, the list of conversations is hidden."""


class SidePanels(QObject):
    """The options at the right, and the list of conversations at the left where there is room."""

    changed = Signal()

    def __init__(
        self,
        tab: QWidget,
        options: QWidget,
        options_button: QAbstractButton,
        list_button: QAbstractButton,
    ) -> None:
        super().__init__(tab)
        self._tab = tab
        self._options = options
        self._options_button = options_button
        self._list_button = list_button
        self._list: QWidget | None = None
        self._editor: QWidget | None = None
        self._edits = False
        self.wants_options = False
        self.wants_list = True
        for button in (options_button, list_button):
            button.setCheckable(True)
        options_button.clicked.connect(self.show_options)
        list_button.clicked.connect(self.show_list)
        options.hide()
        tab.installEventFilter(self)

    def set_list(self, panel: QWidget) -> None:
        """Use this as the list of conversations."""
        self._list = panel
        self._fit()

    def set_editor(self, panel: QWidget) -> None:
        """Use this as the editor between the conversation and the options."""
        self._editor = panel

    def show_editor(self, shown: bool) -> None:
        """Open or close the editor; the options make room for it."""
        self._edits = shown
        if shown:
            self.wants_options = False
        self._fit()

    def show_options(self, shown: bool) -> None:
        """Open or close the options."""
        self.wants_options = shown
        self._fit()

    def show_list(self, shown: bool) -> None:
        """Open or close the list; the options make room for it."""
        self.wants_list = shown
        if shown and not self._has_room():
            self.wants_options = False
        self._fit()

    def show_wanted(self, options: bool, conversations: bool) -> None:
        """Show what was open when the window was closed."""
        self.wants_options, self.wants_list = options, conversations
        self._fit()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Look again whether there is room."""
        if event.type() == QEvent.Type.Resize:
            self._fit()
        return super().eventFilter(watched, event)

    def _has_room(self) -> bool:
        taken = self._options.width() + 2 * GRID if self.wants_options else 0
        if self._edits:
            taken += LEAST_WIDTH_OF_EDITOR + 2 * GRID
        return self._tab.width() - taken >= LEAST_WIDTH_WITH_LIST

    def _fit(self) -> None:
        if self._options.isHidden() == self.wants_options:
            self._options.setVisible(self.wants_options)
        self._options_button.setChecked(self.wants_options)
        if self._editor is not None and self._editor.isHidden() == self._edits:
            self._editor.setVisible(self._edits)
        shown = self.wants_list and self._has_room()
        self._list_button.setChecked(shown)
        if self._list is not None and self._list.isHidden() == shown:
            self._list.setVisible(shown)
        self.changed.emit()
