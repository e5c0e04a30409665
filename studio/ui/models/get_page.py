"""Get models: what one wants to do at the left, cards of the catalogue, and a search in the hub."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from msgspec import Struct
from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from studio.kinds.registry import kinds
from studio.protocol import ModelRef, Problem, Sentence
from studio.ui.models.downloads import downloads_of
from studio.ui.models.entry_card import EntryCard
from studio.ui.models.hub_results import HubResults
from studio.ui.models.model_getter import ModelGetter
from studio.ui.shell.event_loop_slices import Slice, run_in_slices
from studio.ui.shell.model_offers import memories
from studio.ui.shell.state import AppState
from studio.ui.style.icons import icon
from studio.ui.style.theme import GRID
from studio.ui.style.translations import active_language, tr, translated
from studio.ui.widgets.buttons import dialog_button
from studio.ui.widgets.plain_text import one_line
from studio.ui.widgets.scroll_column import ScrollColumn
from studio.ui.widgets.tinted_label import TintedLabel

if TYPE_CHECKING:
    from studio.models.catalogue.catalogue import Catalogue
    from studio.models.catalogue.choice import Choice
    from studio.models.catalogue.entries import CatalogueEntry, Variant
    from studio.protocol import DeviceMemory

_USE = Qt.ItemDataRole.UserRole
_STATE_MS = 300


class _Found(Struct, frozen=True):
    """The catalogue for this machine. `problems` are sentences about files that are not valid."""

    catalogue: Catalogue
    entries: list[tuple[CatalogueEntry, Choice]]
    memories: tuple[DeviceMemory, DeviceMemory | None]
    problems: tuple[Sentence, ...]


class GetPage(QWidget):
    """`task` is the kind of work whose models are shown first. Cards are made after the page."""

    downloads_requested = Signal()

    def __init__(self, state: AppState, task: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._task = task
        self._found: _Found | None = None
        self._wanted = ""
        self.cards: dict[str, EntryCard] = {}
        self._downloads = downloads_of(state)
        self.getter = ModelGetter(state, self)
        self.setObjectName("models.get")
        self.uses = QListWidget(self)
        self.uses.setObjectName("get.uses")
        self.uses.setAccessibleName(self.tr("What do you want to do?"))
        self.uses.setFixedWidth(25 * GRID)
        self.uses.setIconSize(QSize(18, 18))
        self.uses.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.uses.currentItemChanged.connect(lambda *_: self._filter())
        self._column = ScrollColumn(self, fills=True)
        self.results = HubResults(state, self.getter, self)
        self.results.closed.connect(self._show_cards)
        self._pages = QStackedWidget(self)
        self._pages.addWidget(self._column)
        self._pages.addWidget(self.results)
        self.status = TintedLabel(self)
        self.status.setObjectName("get.status")
        self.status.setWordWrap(True)
        self.status.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        right = QVBoxLayout()
        right.setSpacing(GRID)
        right.addLayout(self._make_search())
        right.addWidget(self._pages, 1)
        right.addWidget(self.status)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(2 * GRID, 2 * GRID, 2 * GRID, 2 * GRID)
        layout.setSpacing(2 * GRID)
        layout.addWidget(self.uses)
        layout.addLayout(right, 1)
        self._update_soon = QTimer(self)
        self._update_soon.setSingleShot(True)
        self._update_soon.setInterval(_STATE_MS)
        self._update_soon.timeout.connect(self._update_states)
        self._downloads.changed.connect(self._start_update)
        self._downloads.copied.connect(self._show_copy)
        state.models_changed.connect(self._start_update)
        self.getter.asking.connect(self._asking)
        self.getter.queued.connect(self._queued)
        self.getter.declined.connect(self._declined)
        self.getter.failed.connect(self._failed)
        self._load()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if not event.spontaneous():
            self._show_wanted_cards()

    def get_entry(self, id: str) -> None:
        """Get the entry of the catalogue with this id, as soon as the catalogue has been read."""
        self._wanted = id
        self._get_wanted()

    def get_smaller(self, model: ModelRef) -> None:
        """Get a smaller version of an installed model: one that fits, of the same repository."""
        self.status.show_text("")
        self.getter.get_smaller(model)

    def show_uses_of(self, task: str) -> None:
        """Show the entries for a kind of work."""
        self._task = task
        self._select_first_use()
        self._show_cards()

    # ---- private

    def _make_search(self) -> QHBoxLayout:
        self.words = QLineEdit(self)
        self.words.setObjectName("get.words")
        self.words.setAccessibleName(self.tr("Search the model hub, or paste an address"))
        self.words.setPlaceholderText(self.words.accessibleName())
        self.words.setClearButtonEnabled(True)
        self.words.setMaxLength(4000)
        self.words.returnPressed.connect(self.search)
        self.words.textChanged.connect(self._words_changed)
        self.tasks = QComboBox(self)
        self.tasks.setObjectName("get.task")
        self.tasks.setAccessibleName(self.tr("Kind of work"))
        self.tasks.addItem(self.tr("Any kind"), "")
        for task, kind in kinds().items():
            if kind.hub_tags:
                self.tasks.addItem(tr(kind.title), task)
        self.search_button = dialog_button(
            self.tr("Search"), "get.search", self.search, self, "search"
        )
        row = QHBoxLayout()
        row.setSpacing(GRID)
        row.addWidget(self.words, 1)
        row.addWidget(self.tasks)
        row.addWidget(self.search_button)
        return row

    def search(self) -> None:
        """Search the hub for the words, or look at the address or path."""
        text = self.words.text().strip()
        if text:
            self.status.show_text("")
            self._pages.setCurrentWidget(self.results)
            self.results.search(text, self.tasks.currentData())

    def _words_changed(self, text: str) -> None:
        if not text:
            self._show_cards()

    def _show_cards(self) -> None:
        self.results.stop()
        self._pages.setCurrentIndex(0)

    def _load(self) -> None:
        paths, device = self._state.paths, self._state.memory
        uses_gpu = self._state.settings.device != "cpu"

        def load() -> _Found:
            from studio.models.catalogue.catalogue import load_catalogue
            from studio.models.catalogue.choice import by_fit

            catalogue = load_catalogue(paths)
            found = memories(device, uses_gpu=uses_gpu)
            entries = by_fit(catalogue.entries, *found)
            problems = tuple(problem.message for problem in catalogue.problems)
            return _Found(catalogue, entries, found, problems)

        self._state.background.read(self, load, self._loaded, self._failed)

    def _loaded(self, found: _Found) -> None:
        self._found = found
        self._fill_uses(found.catalogue)
        if found.problems:
            text = "\n".join(translated(problem) for problem in found.problems)
            self.status.show_text(text, "warning")
        run_in_slices(self, self._card_slices(found), lambda: True)

    def _card_slices(self, found: _Found) -> Iterator[Slice]:
        use = self._current_use()
        first = [pair for pair in found.entries if self._is_for(pair[0], use)]
        for entry, choice in [*first, *(pair for pair in found.entries if pair not in first)]:
            yield partial(self._add_card, entry, choice, found)
        yield self._cards_made

    def _add_card(self, entry: CatalogueEntry, choice: Choice, found: _Found) -> None:
        language = active_language(self._state.settings.language)
        content = self._column.content
        card = EntryCard(entry, choice, found.catalogue, found.memories, language, content)
        card.get_requested.connect(lambda variant: self._get(card, variant))
        card.downloads_requested.connect(self.downloads_requested)
        # While the page is hidden, its cards are too: they would all be laid out when it is shown.
        card.setVisible(self.isVisible() and self._is_for(entry, self._current_use()))
        self.cards[entry.id] = card
        order = [id for id in self._order(found) if id in self.cards]
        self._column.add(card, order.index(entry.id))

    def _cards_in_order(self) -> list[EntryCard]:
        order = [] if self._found is None else self._order(self._found)
        return [self.cards[id] for id in order if id in self.cards]

    def _order(self, found: _Found) -> list[str]:
        return [entry.id for entry, _ in found.entries]

    def _cards_made(self) -> None:
        self._start_update()
        self._get_wanted()

    def _fill_uses(self, catalogue: Catalogue) -> None:
        language = active_language(self._state.settings.language)
        blocked = self.uses.blockSignals(True)
        self._add_use(self.tr("Best for this computer"), ("", ""))
        general = [use for use in catalogue.uses if not use.task]
        for use in general:
            if catalogue.for_use(use.id):
                self._add_use(use.title.text(language), ("", use.id))
        for task, kind in kinds().items():
            uses = [use for use in catalogue.uses_of(task) if use.task == task]
            if not uses:
                continue
            heading = QListWidgetItem(icon(kind.icon), tr(kind.title), self.uses)
            heading.setFlags(Qt.ItemFlag.ItemIsEnabled)
            font = self.uses.font()
            font.setWeight(font.Weight.DemiBold)
            heading.setFont(font)
            heading.setSizeHint(QSize(0, 4 * GRID))
            for use in uses:
                if catalogue.for_use(use.id):
                    self._add_use(use.title.text(language), (task, use.id))
        # Still without signals: a search may have begun meanwhile, and is not to be left.
        self._select_first_use()
        self.uses.blockSignals(blocked)

    def _add_use(self, title: str, use: tuple[str, str]) -> None:
        item = QListWidgetItem(one_line(title), self.uses)
        item.setData(_USE, use)
        item.setSizeHint(QSize(0, 3 * GRID + 4))

    def _select_first_use(self) -> None:
        for row in range(self.uses.count()):
            use = self.uses.item(row).data(_USE)
            if use is not None and use[0] == self._task:
                self.uses.setCurrentRow(row)
                return
        self.uses.setCurrentRow(0)

    def _current_use(self) -> tuple[str, str]:
        item = self.uses.currentItem()
        use = item.data(_USE) if item is not None else None
        return use if isinstance(use, tuple) else ("", "")

    def _is_for(self, entry: CatalogueEntry, use: tuple[str, str]) -> bool:
        task, id = use
        return (not id or id in entry.uses) and (not task or entry.task == task)

    def _filter(self) -> None:
        self._show_wanted_cards()
        self._column.show_top()
        self._show_cards()

    def _show_wanted_cards(self) -> None:
        use = self._current_use()
        wanted = [card for card in self._cards_in_order() if self._is_for(card.entry, use)]
        for card in self.cards.values():
            if card not in wanted:
                card.hide()
        if self.isVisible():
            # One by one: laying out all of them at once would stop the window for a moment.
            shows = (card.show for card in wanted)
            run_in_slices(self, shows, lambda: self._current_use() == use)

    def _get_wanted(self) -> None:
        card = self.cards.get(self._wanted)
        if card is not None and self._found is not None:
            self._wanted = ""
            self._get(card, card.choice.variant)

    def _get(self, card: EntryCard, variant: Variant) -> None:
        assert self._found is not None
        self.status.show_text("")
        card.set_asking(True)
        note = card.note if variant == card.choice.variant else ""
        self.getter.get_variant(card.entry, variant, self._found.catalogue, note)

    def _asking(self, name: str) -> None:
        self.status.show_text(self.tr("Asking the hub about {name}…").format(name=one_line(name)))

    def _queued(self, title: str) -> None:
        self.status.show_text(
            self.tr("{name} was added to the downloads.").format(name=one_line(title)), "success"
        )
        self._end_asking()

    def _declined(self) -> None:
        self.status.show_text(self.tr("Nothing was downloaded."))
        self._end_asking()

    def _failed(self, problem: Problem) -> None:
        self.status.show_text(translated(problem.message), "error")
        self._end_asking()

    def _end_asking(self) -> None:
        for card in self.cards.values():
            card.set_asking(False)

    def _show_copy(self, name: str, fraction: float | None) -> None:
        if fraction is None:
            self.status.show_text("")
        else:
            self.status.show_text(
                self.tr("Copying {name}: {percent} %").format(
                    name=one_line(name), percent=round(100 * fraction)
                )
            )

    def _start_update(self) -> None:
        if not self._update_soon.isActive():
            self._update_soon.start()

    def _update_states(self) -> None:
        found = self._found
        if found is None:
            return
        models = self._state.all_models

        def look() -> dict[str, frozenset[str]]:
            from studio.models.catalogue.installed import installed

            return {entry.id: frozenset(installed(entry, models)) for entry, _ in found.entries}

        self._state.background.read(self, look, self._show_states, self._state.problem.emit)

    def _show_states(self, installed: dict[str, frozenset[str]]) -> None:
        progress = {
            status.title: self.tr("{percent} %").format(
                percent=round(100 * status.done / status.total) if status.total else 0
            )
            for status in self._downloads.running
        }
        for id, card in self.cards.items():
            card.show_state(installed.get(id, frozenset()), progress)
