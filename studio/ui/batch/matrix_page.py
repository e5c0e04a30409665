"""A matrix over the Image tab's settings: which fields vary, and over which values."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QFormLayout, QLabel, QLineEdit, QVBoxLayout, QWidget

from studio.jobs.matrix import Axis, AxisName, build, parse_axis
from studio.kinds.image import ImageRequest
from studio.protocol import ProblemError
from studio.ui.batch.plan import Plan
from studio.ui.shell.theme import GRID, mute, say

_PAUSE_MS = 200
"""A matrix is counted when the typing pauses."""


class MatrixPage(QWidget):
    """Says how many pictures the values make, or which value cannot be used."""

    planned = Signal(object)
    """A `Plan`, or None while there is nothing that could run."""

    def __init__(self, base: Callable[[], ImageRequest], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._base = base
        told = QLabel(
            self.tr(
                "What is left empty stays as it is in the Image tab. The first two fields that"
                " vary become the columns and rows of the contact sheet."
            ),
            self,
        )
        told.setWordWrap(True)
        mute(told)
        titles: dict[AxisName, tuple[str, str]] = {
            "steps": (self.tr("Steps"), "10, 20, 30"),
            "guidance_scale": (self.tr("Guidance"), "3, 5, 7.5"),
            "seed": (self.tr("Seed"), "1-4"),
            "size": (self.tr("Size"), "512x512, 768x512"),
            "scheduler": (self.tr("Scheduler"), ""),
            "model": (self.tr("Model"), ""),
        }
        self.fields: dict[AxisName, QLineEdit] = {}
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.setVerticalSpacing(GRID)
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(_PAUSE_MS)
        self._pause.timeout.connect(self.look)
        for name, (title, example) in titles.items():
            field = QLineEdit(self)
            field.setObjectName(f"batch.matrix.{name}")
            field.setAccessibleName(title)
            field.setPlaceholderText(example)
            field.textChanged.connect(self._typed)
            form.addRow(title, field)
            self.fields[name] = field
        self.summary = QLabel(self)
        self.summary.setObjectName("batch.matrix.summary")
        self.summary.setWordWrap(True)
        layout = QVBoxLayout(self)
        layout.setSpacing(GRID)
        layout.addWidget(told)
        layout.addLayout(form)
        layout.addWidget(self.summary)
        layout.addStretch()

    def look(self) -> None:
        """Count what the fields say now."""
        base = self._base()
        try:
            axes: list[Axis] = [parse_axis(n, f.text()) for n, f in self.fields.items()]
            axes = [axis for axis in axes if axis.values]
            cells = build(base, axes) if axes else []
        except ProblemError as error:
            self.summary.setText(say(error.problem.message))
            self.planned.emit(None)
            return
        if not base.prompt:
            self.summary.setText(self.tr("Write a prompt in the Image tab first."))
        elif not cells:
            self.summary.setText(self.tr("Fill in the values of at least one field."))
        else:
            pictures = sum(cell.request.count for cell in cells)
            self.summary.setText(self.tr("{count} pictures").format(count=pictures))
            self.planned.emit(
                Plan(
                    tuple(cell.request for cell in cells),
                    tuple(cell.labels for cell in cells),
                    tuple(axis.name for axis in axes),
                )
            )
            return
        self.planned.emit(None)

    def _typed(self) -> None:
        self.planned.emit(None)
        self._pause.start()
