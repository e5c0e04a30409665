"""The matrix page of the batch dialog: the values over which each field varies."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QFormLayout, QLineEdit, QVBoxLayout, QWidget

from studio.jobs.matrix import Axis, AxisName, build, parse_axis
from studio.kinds.registry import AnyKind, kind_of
from studio.kinds.requests import prompt_of
from studio.protocol import ProblemError, Request
from studio.ui.batch.plan import Plan
from studio.ui.style.theme import GRID, mute
from studio.ui.style.translations import tr, translated
from studio.ui.widgets.plain_text import plain_label

_EXAMPLES: dict[AxisName, str] = {
    "steps": "10, 20, 30",
    "guidance_scale": "3, 5, 7.5",
    "seed": "1-4",
    "size": "512x512, 768x512",
}
"""Placeholder texts of the fields."""

_DEBOUNCE_MS = 200


class MatrixPage(QWidget):
    """Shows what is missing, or which value is invalid."""

    planned = Signal(object)
    """A `Plan`, or None while there is nothing to run."""

    def __init__(
        self, kind: AnyKind, base: Callable[[], Request], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._tab = tr(kind.title)
        self._base = base
        intro = plain_label(
            self.tr(
                "Empty fields keep their values from the {tab} tab. The first two fields that"
                " vary become the columns and rows of the contact sheet."
            ).format(tab=self._tab),
            self,
        )
        intro.setWordWrap(True)
        mute(intro)
        self.fields: dict[AxisName, QLineEdit] = {}
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.setVerticalSpacing(GRID)
        self._typing = QTimer(self)
        self._typing.setSingleShot(True)
        self._typing.setInterval(_DEBOUNCE_MS)
        self._typing.timeout.connect(self.update_plan)
        for name in kind.axes:
            title = self.tr("Size") if name == "size" else tr(kind.fields[name].label)
            field = QLineEdit(self)
            field.setObjectName(f"batch.matrix.{name}")
            field.setAccessibleName(title)
            field.setPlaceholderText(_EXAMPLES.get(name, ""))
            field.textChanged.connect(self._typed)
            form.addRow(title, field)
            self.fields[name] = field
        self.summary = plain_label(parent=self)
        self.summary.setObjectName("batch.matrix.summary")
        self.summary.setWordWrap(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, GRID, 0, GRID)
        layout.setSpacing(GRID)
        layout.addWidget(intro)
        layout.addLayout(form)
        layout.addWidget(self.summary)
        layout.addStretch()

    def varied(self) -> list[AxisName]:
        """Return the fields that have values of their own here."""
        return [name for name, field in self.fields.items() if field.text().strip()]

    def update_plan(self) -> None:
        """Build the matrix from the fields and emit `planned`."""
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
                self.tr("Write a prompt in the {tab} tab first.").format(tab=self._tab)
            )
        elif not cells:
            self.summary.setText(self.tr("Enter values for at least one field."))
        else:
            self.summary.clear()
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
        self._typing.start()
