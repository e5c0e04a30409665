"""One form: its fields, the brand, and what the model will be asked."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from studio.jobs.forms.form_request import FormUse, request_of
from studio.kinds.text import KIND
from studio.protocol import ProblemError
from studio.ui.style.theme import GRID, emphasise, enlarge, mute
from studio.ui.style.translations import tr, translated
from studio.ui.widgets.buttons import PrimaryButton, dialog_button
from studio.ui.widgets.long_words import break_long_words
from studio.ui.widgets.plain_text import one_line, plain_label
from studio.ui.widgets.tinted_label import TintedLabel
from studio.ui.workspaces.text.forms.form_fields import FormFields
from studio.writing.forms.form_folders import Brands, FoundForm
from studio.writing.forms.values import value_errors


class FormPage(QWidget):
    """Object names: `forms.back`, `.brand`, `.examples`, `.table`, `.prompt`, `.generate`."""

    back = Signal()
    generate = Signal(object)
    """A `FormUse` whose values are possible."""
    table_requested = Signal(object)
    """A `FormUse` whose values stand for columns that a table does not have."""

    def __init__(
        self,
        found: FoundForm,
        brands: Brands,
        values: Mapping[str, str],
        brand: str = "",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._found = found
        self._brands = brands
        form = found.form
        back = dialog_button(
            self.tr("All forms"), "forms.back", self.back.emit, self, "chevron-left"
        )
        title = plain_label(one_line(form.title, 80), self)
        enlarge(title)
        summary = plain_label(one_line(form.summary, 300), self)
        summary.setWordWrap(True)
        mute(summary)
        self.fields = FormFields(form, values, self)
        self.brand = QComboBox(self)
        self.brand.setObjectName("forms.brand")
        self.brand.setAccessibleName(self.tr("Brand"))
        self.brand.addItem(self.tr("No brand"), "")
        for name, each in brands.brands.items():
            self.brand.addItem(one_line(each.name, 80), name)
        self.brand.setCurrentIndex(max(0, self.brand.findData(brand)))
        heading = plain_label(self.tr("What the model is asked"), self)
        emphasise(heading)
        self.prompt = QPlainTextEdit(self)
        break_long_words(self.prompt)
        self.prompt.setReadOnly(True)
        self.prompt.setObjectName("forms.prompt")
        self.prompt.setAccessibleName(self.tr("What the model is asked"))
        heading.setBuddy(self.prompt)
        self._note = TintedLabel(self)
        self._note.setWordWrap(True)
        examples = dialog_button(
            self.tr("Fill in the examples"), "forms.examples", self._fill_examples, self
        )
        self.table = dialog_button(
            self.tr("For each row of a table…"),
            "forms.table",
            lambda: self.table_requested.emit(self.use()),
            self,
        )
        self.run = PrimaryButton(self.tr("Generate"), "sparkles", "forms.generate", self)
        self.run.setAutoDefault(False)
        self.run.clicked.connect(self._generate)
        for key in ("Ctrl+Return", "Ctrl+Enter"):
            QShortcut(QKeySequence(key), self, self._generate)
        head = QHBoxLayout()
        head.setSpacing(2 * GRID)
        head.addWidget(back)
        head.addWidget(title, 1)
        left = QVBoxLayout()
        left.setSpacing(GRID)
        left.addWidget(self.fields, 1)
        brand_row = QHBoxLayout()
        brand_label = plain_label(self.tr("Brand"), self)
        brand_label.setBuddy(self.brand)
        brand_row.addWidget(brand_label)
        brand_row.addWidget(self.brand, 1)
        left.addLayout(brand_row)
        right = QVBoxLayout()
        right.setSpacing(GRID)
        right.addWidget(heading)
        right.addWidget(self.prompt, 1)
        columns = QHBoxLayout()
        columns.setSpacing(2 * GRID)
        columns.addLayout(left, 1)
        columns.addLayout(right, 1)
        foot = QHBoxLayout()
        foot.setSpacing(GRID)
        foot.addWidget(examples)
        foot.addWidget(self.table)
        foot.addWidget(self._note, 1)
        foot.addWidget(self.run)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GRID)
        layout.addLayout(head)
        layout.addWidget(summary)
        layout.addLayout(columns, 1)
        layout.addLayout(foot)
        self._show_note()
        self.fields.changed.connect(self._show_prompt)
        self.fields.submitted.connect(self._generate)
        self.brand.currentIndexChanged.connect(self._show_prompt)
        self._show_prompt()

    def use(self) -> FormUse:
        """Return the form with what is filled in."""
        name = self.brand.currentData() or ""
        brand = self._brands.brands.get(name)
        return FormUse(self._found, self.fields.values(), brand, name)

    def _show_note(self) -> None:
        if self._found.form.review:
            self._note.show_text(self.tr("A person must review each result."), "warning")

    def _show_prompt(self) -> None:
        use = self.use()
        filled = use.filled()
        examples = [message.content for message in filled.messages]
        parts = [
            filled.prompt,
            *self._titled(tr(KIND.fields["system_prompt"].label), filled.system),
            *self._titled(self.tr("Example, which is sent along"), "\n\n→\n\n".join(examples)),
        ]
        bar = self.prompt.verticalScrollBar()
        place = bar.value()
        self.prompt.setPlainText("\n\n".join(parts))
        bar.setValue(place)
        self.fields.show_errors({})

    @staticmethod
    def _titled(title: str, text: str) -> list[str]:
        return [f"——— {title} ———", text] if text else []

    def _fill_examples(self) -> None:
        given = self.fields.values()
        form = self._found.form
        # What was written already is kept.
        self.fields.set_values(
            {
                field.name: field.example
                for field in form.fields
                if field.example and given.get(field.name, "").strip() in ("", field.default)
            }
        )

    def _generate(self) -> None:
        use = self.use()
        errors: dict[str, str] = {}
        for name, message in value_errors(self._found.form, use.values):
            errors.setdefault(name, translated(message))
        self.fields.show_errors(errors)
        if errors:
            return
        try:
            request_of(use)
        except ProblemError as error:
            self._note.show_text(translated(error.problem.message), "error")
            return
        self.generate.emit(use)
