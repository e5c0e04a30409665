"""The starter pack: what of it is there, and one button that gets the rest."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

from studio.protocol import Problem, Sentence
from studio.ui.state import AppState
from studio.ui.theme import GRID, emphasise, mute, say
from studio.ui.widgets.icons import icon


class StarterBar(QWidget):
    """Installs in the background; closing the dialog does not stop it."""

    _progressed = Signal(object, object)

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        title = QLabel(self.tr("Starter models"), self)
        emphasise(title)
        self.text = QLabel(self)
        self.text.setWordWrap(True)
        mute(self.text)
        self.install = QPushButton(self.tr("Install the starter models"), self)
        self.install.setIcon(icon("download"))
        self.install.setObjectName("models.starter")
        self.install.setAccessibleName(self.install.text())
        self.install.setAutoDefault(False)
        self.install.clicked.connect(self._install)
        self.progress = QProgressBar(self)
        self.progress.setTextVisible(False)
        self.progress.setFixedHeight(GRID // 2)
        self.progress.setAccessibleName(self.tr("Progress"))
        policy = self.progress.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.progress.setSizePolicy(policy)
        self.progress.hide()
        row = QHBoxLayout()
        row.setSpacing(2 * GRID)
        words = QVBoxLayout()
        words.setSpacing(GRID // 2)
        words.addWidget(title)
        words.addWidget(self.text)
        row.addLayout(words, 1)
        row.addWidget(self.install)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GRID)
        layout.addLayout(row)
        layout.addWidget(self.progress)
        self._progressed.connect(self._show_progress)
        state.models_changed.connect(self.refresh)
        self.refresh()
