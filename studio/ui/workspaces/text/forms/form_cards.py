"""The forms as cards, by what they are for."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from studio.ui.style.theme import GRID, emphasise, mute
from studio.ui.style.translations import tr, translated
from studio.ui.widgets.plain_text import one_line, plain_label, plain_tooltip
from studio.ui.widgets.tinted_label import TintedLabel
from studio.writing.forms.form_folders import Forms, FoundForm
from studio.writing.forms.toml_file import BrokenFile

COLUMNS = 2
_CARD_WIDTH = 20 * GRID
MOST = 60
"""Cards shown at once; a search finds the others."""

_ALL, _OWN = "", "own"
_SHOWN_BROKEN = 3


def purpose_titles() -> dict[str, str]:
    """Return the purposes of forms with their titles."""
    return {
        "marketing": tr("Marketing"),
        "news": tr("News"),
        "video": tr("Video"),
        "writing": tr("Writing"),
        "teaching": tr("Teaching"),
        "work": tr("Letters and contracts"),
        "editing": tr("Editing and translation"),
        "code": tr("Code"),
    }


class FormCards(QWidget):
    """Object names: `forms.search`, `.language`, `.purposes`, and `forms.card.<id>`."""

    chosen = Signal(object)

    def __init__(self, language: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._forms: tuple[FoundForm, ...] = ()
        self._wanted = language
        self._columns = COLUMNS
        self.search = QLineEdit(self)
        self.search.setObjectName("forms.search")
        self.search.setPlaceholderText(self.tr("Search the forms"))
        self.search.setAccessibleName(self.tr("Search the forms"))
        self.search.setClearButtonEnabled(True)
        self.search.textChanged.connect(self._show)
        self.language = QComboBox(self)
        self.language.setObjectName("forms.language")
        self.language.setAccessibleName(self.tr("Language of the forms"))
        self.language.addItem("English", "en")
        self.language.addItem("中文", "zh")
        self.language.addItem(self.tr("All languages"), _ALL)
        self.language.setCurrentIndex(max(0, self.language.findData(language)))
        self.language.currentIndexChanged.connect(self._show)
        self.purposes = QListWidget(self)
        self.purposes.setObjectName("forms.purposes")
        self.purposes.setAccessibleName(self.tr("What the forms are for"))
        self.purposes.setFixedWidth(23 * GRID)
        self.purposes.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.purposes.currentRowChanged.connect(self._show)
        self._note = TintedLabel(self)
        self._note.setWordWrap(True)
        self._note.hide()
        self._scroll = QScrollArea(self)
        self._scroll.setWidgetResizable(True)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._empty = plain_label(self.tr("Reading the forms…"), self)
        mute(self._empty)
        head = QHBoxLayout()
        head.setSpacing(GRID)
        head.addWidget(self.search, 1)
        head.addWidget(self.language)
        row = QHBoxLayout()
        row.setSpacing(GRID)
        row.addWidget(self.purposes)
        row.addWidget(self._scroll, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GRID)
        layout.addLayout(head)
        layout.addWidget(self._empty)
        layout.addLayout(row, 1)
        layout.addWidget(self._note)

    def show_forms(self, forms: Forms) -> None:
        """Show the forms, and which files cannot be used."""
        self._forms = forms.forms
        titles = purpose_titles()
        self.purposes.blockSignals(True)
        self.purposes.clear()
        own = [(_OWN, self.tr("My forms"))] if any(each.is_own for each in self._forms) else []
        for key, title in ((_ALL, self.tr("All")), *own, *titles.items()):
            item = QListWidgetItem(title)
            item.setData(Qt.ItemDataRole.UserRole, key)
            item.setSizeHint(QSize(0, self.fontMetrics().lineSpacing() + GRID))
            self.purposes.addItem(item)
        self.purposes.setCurrentRow(0)
        self.purposes.blockSignals(False)
        self._show_broken(forms.broken)
        self._show()

    def _show_broken(self, broken: Sequence[BrokenFile]) -> None:
        lines = [
            self.tr("{file}, line {line}: {message}").format(
                file=one_line(each.path.name, 60),
                line=each.line,
                message=one_line(translated(each.message), 200),
            )
            for each in broken[:_SHOWN_BROKEN]
        ]
        if len(broken) > _SHOWN_BROKEN:
            lines.append(self.tr("And {n} more files").format(n=len(broken) - _SHOWN_BROKEN))
        self._note.show_text("\n".join(lines), "warning")
        self._note.setVisible(bool(lines))

    def _found(self) -> list[FoundForm]:
        item = self.purposes.currentItem()
        purpose = item.data(Qt.ItemDataRole.UserRole) if item is not None else _ALL
        language = self.language.currentData()
        words = self.search.text().casefold().split()
        found = [each for each in self._forms if _matches(each, purpose, language, words)]
        order = list(purpose_titles())
        return sorted(found, key=lambda each: (not each.is_own, order.index(each.form.purpose)))

    def _fitting_columns(self) -> int:
        return COLUMNS if self._scroll.width() >= COLUMNS * (_CARD_WIDTH + 2 * GRID) else 1

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self._forms and self._fitting_columns() != self._columns:
            self._show()

    def _show(self, *_: object) -> None:
        found = self._found()
        columns = self._columns = self._fitting_columns()
        inside = QWidget()
        grid = QGridLayout(inside)
        grid.setContentsMargins(GRID, GRID, GRID, GRID)
        grid.setSpacing(GRID)
        for number, each in enumerate(found[:MOST]):
            card = FormCard(each, inside)
            card.clicked.connect(partial(self.chosen.emit, each))
            grid.addWidget(card, number // columns, number % columns)
            # The style sheet sets a minimum height of buttons, which goes before that of the card.
            grid.setRowMinimumHeight(number // columns, card.sizeHint().height())
        for column in range(columns):
            grid.setColumnStretch(column, 1)
        grid.setRowStretch(len(found[:MOST]) // columns + 1, 1)
        self._scroll.setWidget(inside)
        inside.setAutoFillBackground(False)
        text = "" if found or not self._forms else self.tr("No form matches.")
        if len(found) > MOST:
            text = self.tr("{n} more forms: search for their names.").format(n=len(found) - MOST)
        self._empty.setText(text)
        self._empty.setVisible(bool(text))


def _matches(found: FoundForm, purpose: str, language: str, words: Sequence[str]) -> bool:
    if language and found.language not in (language, ""):
        return False
    if words:
        text = f"{found.form.title} {found.form.summary} {found.id}".casefold()
        return all(word in text for word in words)
    if purpose == _OWN:
        return found.is_own
    return purpose in (_ALL, found.form.purpose)


class FormCard(QPushButton):
    """Title and summary of a form."""

    def __init__(self, found: FoundForm, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        form = found.form
        title = one_line(form.title, 80)
        self.setObjectName(f"forms.card.{found.id}")
        self.setAccessibleName(title)
        self.setAccessibleDescription(one_line(form.summary, 300))
        self.setToolTip(plain_tooltip(f"{found.id}\n{found.path}" if found.is_own else found.id))
        heading = plain_label(title, self)
        emphasise(heading)
        summary = plain_label(one_line(form.summary, 160), self)
        summary.setWordWrap(True)
        summary.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        mute(summary)
        rows = QVBoxLayout(self)
        rows.setContentsMargins(GRID + GRID // 2, GRID, GRID + GRID // 2, GRID)
        rows.setSpacing(GRID // 2)
        for label in (heading, summary):
            label.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
            rows.addWidget(label)
        rows.setStretch(1, 1)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._height = 4 * self.fontMetrics().lineSpacing() + 3 * GRID

    def sizeHint(self) -> QSize:
        return QSize(_CARD_WIDTH, self._height)

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def hasHeightForWidth(self) -> bool:
        """All cards are equally high."""
        return False
