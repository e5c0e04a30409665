"""The starter models: their status, and a button that installs the missing ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QPushButton, QVBoxLayout, QWidget

from studio.protocol import Sentence, readable_size
from studio.ui.models.starter_install import starter_install_of
from studio.ui.shell.state import AppState
from studio.ui.style.icons import icon
from studio.ui.style.theme import GRID, emphasise, mute
from studio.ui.style.translations import translated
from studio.ui.widgets.plain_text import plain_label

if TYPE_CHECKING:
    from studio.models.starter import StarterItem


class StarterBar(QWidget):
    """Installs in the background; closing the dialog does not cancel the installation."""

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        title = plain_label(self.tr("Starter models"), self)
        emphasise(title)
        self.text = plain_label(parent=self)
        self.text.setWordWrap(True)
        mute(self.text)
        self.install = QPushButton(self.tr("Install the starter models"), self)
        self.install.setIcon(icon("download"))
        self.install.setObjectName("models.starter")
        self.install.setAccessibleName(self.install.text())
        self.install.setAutoDefault(False)
        self.install.setEnabled(False)
        self.install.clicked.connect(self._clicked)
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
        texts = QVBoxLayout()
        texts.setSpacing(GRID // 2)
        texts.addWidget(title)
        texts.addWidget(self.text)
        row.addLayout(texts, 1)
        row.addWidget(self.install)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GRID)
        layout.addLayout(row)
        layout.addWidget(self.progress)
        self._starter = starter_install_of(state)
        self._starter.progressed.connect(self._show_progress)
        self._starter.changed.connect(self.refresh)
        state.models_changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Check what is installed on another thread and update the bar."""
        running = self._starter.is_running
        self.progress.setVisible(running)
        if running:
            self._offer_cancel()
            return
        paths = self._state.paths

        def status() -> list[StarterItem]:
            from studio.models.starter import starter_status

            return starter_status(paths)

        self._state.background.read(self, status, self._show, self._state.problem.emit)

    # ---- private

    def _show(self, items: list[StarterItem]) -> None:
        if self._starter.is_running:
            return
        missing = [item for item in items if not item.installed]
        self.install.setText(self.tr("Install the starter models"))
        self.install.setIcon(icon("download"))
        self.install.setEnabled(bool(missing))
        if missing:
            # Models of one package have the same download size and licence.
            sizes = {(item.download, item.licence) for item in missing}
            self.text.setText(
                self.tr("{names}. Download size: {size}. Free licences.").format(
                    names=", ".join(item.name for item in missing),
                    size=readable_size(sum(size for size, _ in sizes)),
                )
            )
        else:
            self.text.setText(self.tr("All starter models are installed."))

    def _offer_cancel(self) -> None:
        self.install.setEnabled(True)
        self.install.setText(self.tr("Cancel"))
        self.install.setIcon(icon("square"))

    def _clicked(self) -> None:
        starter = self._starter
        if starter.is_running:
            starter.cancel()
            self.install.setEnabled(False)
        else:
            self.progress.setRange(0, 0)
            starter.start()

    def _show_progress(self, step: Sentence, fraction: float | None) -> None:
        self.text.setText(translated(step))
        if fraction is None:
            self.progress.setRange(0, 0)
        else:
            self.progress.setRange(0, 1000)
            self.progress.setValue(round(fraction * 1000))
