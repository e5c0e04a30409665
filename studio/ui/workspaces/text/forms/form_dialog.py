"""Choose a form and fill it in."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QDialog, QStackedWidget, QWidget

from studio.jobs.forms.form_request import FormUse
from studio.settings import RESOURCES
from studio.ui.shell.state import AppState
from studio.ui.style.theme import GRID
from studio.ui.style.translations import active_language
from studio.ui.widgets.dialog_frame import fill_dialog
from studio.ui.workspaces.text.forms.form_cards import FormCards
from studio.ui.workspaces.text.forms.form_page import FormPage
from studio.writing.forms.form_folders import Brands, Forms, FoundForm, list_brands, list_forms

WIDTH, HEIGHT = 116, 78
"""In multiples of `GRID`."""


class FormDialog(QDialog):
    """Object name: `forms.dialog`. `kept` holds what was filled in before, by the forms' ids."""

    generate = Signal(object)
    table_requested = Signal(object)

    def __init__(
        self,
        state: AppState,
        kept: dict[str, FormUse],
        open_form: str = "",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("forms.dialog")
        self.setWindowTitle(self.tr("Forms"))
        self._kept = kept
        self._open_form = open_form
        self._brands = Brands({}, ())
        language = "zh" if active_language(state.settings.language).startswith("zh") else "en"
        self.cards = FormCards(language, self)
        self.cards.chosen.connect(self._open)
        self.pages = QStackedWidget(self)
        self.pages.addWidget(self.cards)
        self.page: FormPage | None = None
        fill_dialog(self, self.pages, stretched=self.pages)
        screen = self.screen().availableSize()
        self.resize(min(WIDTH * GRID, screen.width()), min(HEIGHT * GRID, screen.height()))
        root = state.library_root
        state.background.read(self, lambda: _read(root), self._show, state.problem.emit)

    def _show(self, found: tuple[Forms, Brands]) -> None:
        forms, self._brands = found
        self.cards.show_forms(forms)
        wanted = next((each for each in forms.forms if each.id == self._open_form), None)
        if wanted is not None:
            self._open(wanted)
        else:
            self.cards.search.setFocus()

    def _open(self, found: FoundForm) -> None:
        before = self._kept.get(found.id)
        values = before.values if before is not None else {}
        brand = before.brand_name if before is not None else ""
        page = FormPage(found, self._brands, values, brand, self)
        page.back.connect(self._back)
        page.generate.connect(self._generate)
        page.table_requested.connect(self._merge)
        self.pages.addWidget(page)
        self.pages.setCurrentWidget(page)
        self.page = page
        first = next(iter(page.fields.controls.values()), None)
        if first is not None:
            first.setFocus()

    def _keep(self) -> None:
        if self.page is not None:
            use = self.page.use()
            self._kept[use.found.id] = use

    def _back(self) -> None:
        self._keep()
        if self.page is not None:
            self.pages.removeWidget(self.page)
            self.page.deleteLater()
            self.page = None
        self.cards.search.setFocus()

    def _generate(self, use: FormUse) -> None:
        self._kept[use.found.id] = use
        self.generate.emit(use)
        self.page = None
        self.close()

    def _merge(self, use: FormUse) -> None:
        self.table_requested.emit(use)
        self.close()

    def done(self, result: int) -> None:
        """Keep what is filled in."""
        self._keep()
        super().done(result)


def _read(root: Path) -> tuple[Forms, Brands]:
    return list_forms(RESOURCES, root), list_brands(root)
