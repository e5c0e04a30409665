"""The Generate and Stop buttons of a tab, with count, progress, status and estimate."""

from __future__ import annotations

from PySide6.QtCore import QElapsedTimer, Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QHBoxLayout,
    QProgressBar,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from studio.kinds.fields import Field
from studio.ui.style.icons import icon
from studio.ui.style.theme import GRID, Severity, mute
from studio.ui.style.translations import tr
from studio.ui.widgets.buttons import PrimaryButton
from studio.ui.widgets.elided_label import StatusLine
from studio.ui.widgets.plain_text import plain_label, plain_tooltip
from studio.ui.widgets.times import duration_text, rough_duration_text
from studio.ui.widgets.tinted_label import TintedLabel


class RunBar(QWidget):
    """Object names: `<prefix>.generate`, `.stop`, `.count`, `.progress`, `.status`, `.estimate`.

    `extra` is a place above the buttons for what matters for the next click, `leading` one in
    their line. `foot` holds status and estimate; it may be moved to another layout.
    Without the field `count`, the count control is hidden. The rows keep their height while empty.
    A `stacked` bar has the buttons below the count, and suits a narrow panel.
    """

    generate_clicked = Signal()
    stop_clicked = Signal()
    count_changed = Signal()

    def __init__(
        self,
        prefix: str,
        count: Field | None = None,
        *,
        generate_text: str = "",
        stacked: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.generate = PrimaryButton(
            generate_text or self.tr("Generate"), "sparkles", f"{prefix}.generate", self
        )
        self.generate.setToolTip(self.tr("Ctrl+Enter"))
        self.generate.clicked.connect(self.generate_clicked)
        self.stop = QPushButton(self.tr("Stop"), self)
        self.stop.setIcon(icon("square"))
        self.stop.setObjectName(f"{prefix}.stop")
        self.stop.setAccessibleName(self.stop.text())
        self.stop.setToolTip(self.tr("Esc"))
        self.stop.setEnabled(False)
        self.stop.clicked.connect(self.stop_clicked)
        self.count = QSpinBox(self)
        self._count_label = plain_label(parent=self)
        self._count_label.setBuddy(self.count)
        self.count.setObjectName(f"{prefix}.count")
        self.count.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.count.valueChanged.connect(self.count_changed)
        self._set_up_count(count)
        self._status_text = ""
        self._estimated: float | None = None
        self._left: float | None = None
        self._since = QElapsedTimer()
        self._second = QTimer(self)
        self._second.setInterval(1000)
        self._second.timeout.connect(self._show_status)
        self.progress = QProgressBar(self)
        self.progress.setObjectName(f"{prefix}.progress")
        self.progress.setAccessibleName(self.tr("Progress"))
        self.progress.setTextVisible(False)
        self.progress.setFixedHeight(GRID // 2)
        self.progress.setRange(0, 100)
        policy = self.progress.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.progress.setSizePolicy(policy)
        self.progress.hide()
        self.status = StatusLine(self)
        self.status.setObjectName(f"{prefix}.status")
        self.status.setAccessibleName(self.tr("Status"))
        mute(self.status)
        self.estimate = TintedLabel(self)
        self.estimate.setObjectName(f"{prefix}.estimate")
        self.estimate.setAccessibleName(self.tr("Estimate"))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GRID if stacked else GRID // 2)
        self.extra = QVBoxLayout()
        layout.addLayout(self.extra)
        row = QHBoxLayout()
        row.setSpacing(GRID)
        self.leading = QHBoxLayout()
        self.leading.setSpacing(GRID)
        row.addLayout(self.leading, 100)
        row.addWidget(self._count_label)
        row.addWidget(self.count)
        layout.addLayout(row)
        # Always present, so that the layout does not jump when a job starts.
        self.foot = QWidget(self)
        status_row = QHBoxLayout(self.foot)
        status_row.setContentsMargins(0, 0, 0, 0)
        status_row.setSpacing(GRID)
        status_row.addWidget(self.status, 1)
        if stacked:
            self._show_estimate_beside_count(row)
            buttons = QHBoxLayout()
            buttons.setSpacing(GRID)
            buttons.addWidget(self.generate, 1)
            buttons.addWidget(self.stop)
            layout.addLayout(buttons)
        else:
            row.addStretch(1)
            row.addWidget(self.stop)
            row.addWidget(self.generate)
            status_row.addWidget(self.estimate)
        layout.addWidget(self.progress)
        layout.addWidget(self.foot)

    def _show_estimate_beside_count(self, row: QHBoxLayout) -> None:
        self.estimate.setWordWrap(True)
        self.estimate.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        place = self.estimate.sizePolicy()
        place.setRetainSizeWhenHidden(True)
        self.estimate.setSizePolicy(place)
        row.addWidget(self.estimate, 1)

    def _set_up_count(self, field: Field | None) -> None:
        """Set the range and label of the count; hide it if there is no field."""
        if field is None or field.minimum is None or field.maximum is None:
            self._count_label.hide()
            self.count.hide()
            self.count.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            return
        least, most = int(field.minimum), int(field.maximum)
        self.count.setRange(least, most)
        self.count.setAccessibleName(tr(field.label))
        self._count_label.setText(tr(field.label))
        self.count.setToolTip(
            self.tr("Number of variations, {least} to {most}").format(
                least=f"{least:,}", most=f"{most:,}"
            )
        )

    def set_running(self, running: bool) -> None:
        """Enable Stop and hide the estimate while a job of this tab waits or runs.

        The progress bar is shown from the first progress on.
        """
        self.stop.setEnabled(running)
        if not running:
            self.count_down(None)
        self.estimate.setVisible(not running)
        if not running:
            self.progress.hide()

    def set_narrow(self, narrow: bool) -> None:
        """Leave out the text of Stop and the label of the count where there is little room."""
        self.stop.setText("" if narrow else self.tr("Stop"))
        self._count_label.setVisible(not narrow and not self.count.isHidden())
        self.count.setPrefix("× " if narrow else "")

    def set_waiting(self) -> None:
        """Show that a job waits for its turn: no bar, since nothing of it is done."""
        self.progress.hide()
        self.set_status(self.tr("Waiting in the queue"))

    def set_estimate(
        self,
        seconds: float | None,
        memory: str = "",
        detail: str = "",
        severity: Severity | None = None,
    ) -> None:
        """Show the estimated duration of a job with the current settings.

        Args:
            seconds: the estimate, None if unknown.
            memory: a short memory warning, shown before the duration.
            detail: the full warning, for the tooltip.
            severity: sets the colour of the text.
        """
        text = (
            ""
            if seconds is None
            else self.tr("About {time}").format(time=rough_duration_text(seconds))
        )
        self._estimated = seconds
        self.estimate.show_text(" · ".join(filter(None, (memory, text))), severity)
        self.estimate.setToolTip(plain_tooltip(detail))
        self.estimate.setAccessibleDescription(detail or self.estimate.text())

    def set_progress(self, step: int, steps: int, seconds_left: float | None = None) -> None:
        """Show the progress of the job; `seconds_left` is None if unknown."""
        self.progress.setRange(0, max(steps, 1))
        self.progress.setValue(step)
        self.progress.show()
        if seconds_left is not None:
            self.progress.setToolTip(
                self.tr("{time} left").format(time=duration_text(seconds_left))
            )

    def set_loading(self, text: str, fraction: float | None = None) -> None:
        """Show what is being loaded; `fraction` is 0 to 1, or None if unknown."""
        if fraction is None:
            self.progress.setRange(0, 0)
        else:
            self.progress.setRange(0, 1000)
            self.progress.setValue(round(fraction * 1000))
        self.progress.show()
        self.set_status(text)

    def set_status(self, text: str) -> None:
        """Show one line about the job; the tooltip has the full text."""
        self._status_text = text
        self._show_status()

    @property
    def estimated(self) -> float | None:
        """The estimated seconds of a job with the current settings, None if unknown."""
        return self._estimated

    def count_down(self, seconds: float | None) -> None:
        """Show after the status how much time is left, less each second; None ends that."""
        self._left = seconds
        self._since.start()
        if seconds is None:
            self._second.stop()
        elif not self._second.isActive():
            self._second.start()
        self._show_status()

    def seconds_left(self) -> float | None:
        """Return the seconds that are left now, None if unknown or if it takes longer."""
        if self._left is None:
            return None
        left = self._left - self._since.elapsed() / 1000
        return left if left > 0 else None

    def _show_status(self) -> None:
        left = self.seconds_left()
        text = self._status_text
        if left is not None and text:
            text += ", " + self.tr("{time} left").format(time=rough_duration_text(left))
        self.status.set_text(text)
