"""How full the model's context is, and what would be cut, before anything is sent."""

from __future__ import annotations

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QSizePolicy, QWidget

from studio.protocol import ModelRef, TextRequest
from studio.ui.state import AppState
from studio.ui.theme import GRID, mute

ASK_AFTER_MS = 300


class ContextMeter(QWidget):
    """Counts on another thread, a moment after the typing stops."""

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._request: TextRequest | None = None
        self._model: ModelRef | None = None
        self.bar = QProgressBar(self)
        self.bar.setObjectName("text.context")
        self.bar.setAccessibleName(self.tr("Context used"))
        self.bar.setTextVisible(False)
        self.bar.setFixedSize(8 * GRID, GRID // 2)
        self.label = QLabel(self)
        self.label.setObjectName("text.context_text")
        self.label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.label.setMinimumHeight(self.fontMetrics().height())
        mute(self.label)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID)
        row.addWidget(self.bar)
        row.addWidget(self.label, 1)
        self._typing = QTimer(self)
        self._typing.setSingleShot(True)
        self._typing.setInterval(ASK_AFTER_MS)
        self._typing.timeout.connect(self._count)

    def ask(self, request: TextRequest, model: ModelRef | None) -> None:
        """Measure this request for this model soon."""
        self._request, self._model = request, model
        self._typing.start()

    def _count(self) -> None: ...
