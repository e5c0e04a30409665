"""A matrix over a tab's settings: which fields vary, and over which values."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QFormLayout, QLabel, QLineEdit, QVBoxLayout, QWidget

from studio.jobs.matrix import Axis, AxisName, build, parse_axis
from studio.kinds.registry import AnyKind, kind_of
from studio.kinds.requests import prompt_of
from studio.protocol import ProblemError, Request
from studio.ui.batch.plan import Plan
from studio.ui.style.theme import GRID, mute
from studio.ui.style.translations import tr, translated

_EXAMPLES: dict[AxisName, str] = {
    "steps": "10, 20, 30",
    "guidance_scale": "3, 5, 7.5",
    "seed": "1-4",
    "size": "512x512, 768x512",
}
"""How values are written, in a field that is still empty."""

_PAUSE_MS = 200
"""A matrix is counted when the typing pauses."""


class MatrixPage(QWidget):
    """Says how many pictures the values make, or which value cannot be used."""

    planned = Signal(object)
    """A `Plan`, or None while there is nothing that could run."""

    def __init__(
        self, kind: AnyKind, base: Callable[[], Request], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._tab = tr(kind.title)
        self._base = base
        told = QLabel(
            self.tr(
                "What is left empty stays as it is in the tab {tab}. The first two fields that"
                " vary become the columns and rows of the contact sheet."
            ).format(tab=self._tab),
            self,
        )
        told.setWordWrap(True)
        mute(told)
        self.fields: dict[AxisName, QLineEdit] = {}
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.setVerticalSpacing(GRID)
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(_PAUSE_MS)
        self._pause.timeout.connect(self.look)
        for name in kind.axes:
            title = self.tr("Size") if name == "size" else tr(kind.fields[name].label)
            field = QLineEdit(self)
            field.setObjectName(f"batch.matrix.{name}")
            field.setAccessibleName(title)
            field.setPlaceholderText(_EXAMPLES.get(name, ""))
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
            self.summary.setText(translated(error.problem.message))
            self.planned.emit(None)
            return
        if kind_of(base).has_prompt and not prompt_of(base):
            self.summary.setText(
                self.tr("Write a prompt in the tab {tab} first.").format(tab=self._tab)
            )
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
