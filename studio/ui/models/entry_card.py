"""A card of the catalogue: what a model is for, what it needs, and a button to get it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QMenu, QToolButton, QVBoxLayout, QWidget

from studio.formats.weights.base_families import TITLES
from studio.ui.models.model_titles import (
    languages_text,
    place_text,
    role_title,
    size_text,
    unverified_text,
)
from studio.ui.style.theme import GRID, Severity, emphasise, mute
from studio.ui.widgets.buttons import PrimaryButton
from studio.ui.widgets.plain_text import menu_text, one_line, plain_label, plain_tooltip
from studio.ui.widgets.tinted_label import TintedLabel

if TYPE_CHECKING:
    from studio.models.catalogue.catalogue import Catalogue
    from studio.models.catalogue.choice import Choice
    from studio.models.catalogue.entries import CatalogueEntry, Variant
    from studio.protocol import DeviceMemory


class EntryCard(QFrame):
    """Object name `get.<id>`; its button is `get.<id>.get`."""

    get_requested = Signal(object)
    """The `Variant` to get."""
    downloads_requested = Signal()

    def __init__(
        self,
        entry: CatalogueEntry,
        choice: Choice,
        catalogue: Catalogue,
        memories: tuple[DeviceMemory, DeviceMemory | None],
        language: str,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.entry = entry
        self.choice = choice
        self.note = "" if choice.place is not None else place_text(choice, *memories)
        """Why it may not run here, "" if it does."""
        self._installed: frozenset[str] = frozenset()
        self._progress: dict[str, str] = {}
        self.setObjectName(f"get.{entry.id}")
        self.setAccessibleName(entry.name)
        self.setFrameShape(QFrame.Shape.StyledPanel)
        name = plain_label(one_line(entry.name), self)
        name.setWordWrap(True)
        emphasise(name)
        purpose = plain_label(entry.purpose.text(language), self)
        purpose.setWordWrap(True)
        self.get = PrimaryButton("", "download", f"get.{entry.id}.get", self)
        self.get.setAutoDefault(False)
        self.get.clicked.connect(self._clicked)
        self.variants = QToolButton(self)
        self.variants.setText(self.tr("Other sizes"))
        self.variants.setAutoRaise(True)
        self.variants.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.variants.setObjectName(f"get.{entry.id}.variants")
        self.variants.setAccessibleName(self.variants.text())
        self.variants.setVisible(len(entry.variants) > 1)
        self._menu = QMenu(self)
        self._menu.aboutToShow.connect(self._fill_menu)
        self.variants.setMenu(self._menu)
        self.place = TintedLabel(self)
        self.place.setWordWrap(True)
        self.place.show_text(place_text(choice, *memories), _severity(choice))
        about = plain_label(self._about(catalogue), self)
        about.setWordWrap(True)
        mute(about)
        licence = plain_label(self._licence(language), self)
        licence.setWordWrap(True)
        mute(licence)
        buttons = QVBoxLayout()
        buttons.setSpacing(GRID // 2)
        buttons.addWidget(self.get)
        buttons.addWidget(self.variants, 0, Qt.AlignmentFlag.AlignRight)
        buttons.addStretch(1)
        texts = QVBoxLayout()
        texts.setSpacing(GRID // 2)
        for label in (name, purpose, self.place, about, licence):
            texts.addWidget(label)
            label.setVisible(bool(label.text()))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(2 * GRID, GRID, GRID, GRID)
        layout.setSpacing(2 * GRID)
        layout.addLayout(texts, 1)
        layout.addLayout(buttons)
        self._show_state()

    def show_state(self, installed: frozenset[str], progress: dict[str, str]) -> None:
        """Show what is installed, by precision, and the progress of downloads, by title."""
        mine = {
            variant.precision: progress[self.entry.title_of(variant)]
            for variant in self.entry.variants
            if self.entry.title_of(variant) in progress
        }
        if (installed, mine) != (self._installed, self._progress):
            self._installed, self._progress = installed, mine
            self._show_state()

    def set_asking(self, is_asking: bool) -> None:
        """Show that the hub is asked about it."""
        if is_asking:
            self.get.setEnabled(False)
            self.get.setText(self.tr("Asking the hub…"))
        else:
            self._show_state()

    # ---- private

    def _show_state(self) -> None:
        chosen = self.choice.variant
        self.get.setEnabled(True)
        if self._progress:
            text = next(iter(self._progress.values()))
        elif self._installed:
            text = self.tr("Installed")
            self.get.setEnabled(False)
        else:
            text = self.tr("Get ({size})").format(size=size_text(self.entry, chosen))
        self.get.setText(text)
        self.get.setAccessibleName(f"{text}: {self.entry.name}")
        self.get.setToolTip(plain_tooltip(self.entry.title_of(chosen)))

    def _clicked(self) -> None:
        if self._progress:
            self.downloads_requested.emit()
        else:
            self.get_requested.emit(self.choice.variant)

    def _fill_menu(self) -> None:
        self._menu.clear()
        for variant in self.entry.variants:
            text = self._variant_text(variant)
            action = self._menu.addAction(menu_text(text))
            action.setEnabled(variant.precision not in self._installed)
            action.triggered.connect(lambda _=False, each=variant: self.get_requested.emit(each))

    def _variant_text(self, variant: Variant) -> str:
        text = f"{variant.precision} · {size_text(self.entry, variant)}"
        if variant.precision in self._installed:
            return f"{text} · {self.tr('Installed')}"
        if variant.precision == self.choice.variant.precision:
            return f"{text} · {self.tr('suits this computer')}"
        return text

    def _about(self, catalogue: Catalogue) -> str:
        entry = self.entry
        family = TITLES.get(entry.base, entry.base)
        role = role_title(entry.role)
        if role and family:
            role = self.tr("{role} for {family}").format(role=role, family=family)
        others = [found.name for id in entry.companions if (found := catalogue.get(id)) is not None]
        parts = [
            role,
            languages_text(entry.languages),
            self.tr("Needs as well: {names}").format(names=", ".join(others)) if others else "",
        ]
        return " · ".join(part for part in parts if part)

    def _licence(self, language: str) -> str:
        conditions = self.entry.conditions
        text = self.tr("Licence: {name}").format(name=self.entry.licence)
        if conditions is not None:
            text += f". {conditions.text(language)}"
        unverified = unverified_text(self.entry)
        return f"{text}\n{unverified}" if unverified else text

    def sizeHint(self) -> QSize:
        return QSize(40 * GRID, super().sizeHint().height())


def _severity(choice: Choice) -> Severity | None:
    return "warning" if choice.place is None else None
