"""From a click on "Get" to a download: ask the hub, ask the person where that is needed, queue."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QDialog, QWidget

from studio.protocol import ModelRef, Problem, readable_size
from studio.ui.models.confirm_download import ConfirmDownload
from studio.ui.models.downloads import downloads_of
from studio.ui.models.model_titles import size_text
from studio.ui.shell.model_offers import memories
from studio.ui.shell.state import AppState
from studio.ui.style.translations import active_language, translated

if TYPE_CHECKING:
    from studio.jobs.get_model import HubDownload, Plan
    from studio.models.catalogue.catalogue import Catalogue
    from studio.models.catalogue.entries import CatalogueEntry, Variant


class ModelGetter(QObject):
    """Dialogs that ask are shown over `window`. Nothing is fetched before they are answered."""

    asking = Signal(str)
    """The hub is asked about the model of this name."""
    queued = Signal(str)
    """The download of this title was added to the queue."""
    declined = Signal()
    failed = Signal(object)
    """The `Problem` for which nothing is downloaded."""

    def __init__(self, state: AppState, window: QWidget) -> None:
        super().__init__(window)
        self._state = state
        self._window = window
        self._downloads = downloads_of(state)
        self.question: QDialog | None = None
        """What is asked at the moment."""

    def get_variant(
        self, entry: CatalogueEntry, variant: Variant, catalogue: Catalogue, note: str = ""
    ) -> None:
        """Get a variant and what it needs besides. `note` says why it may not run here."""
        settings, models = self._state.settings, self._state.all_models
        device, uses_gpu = self._state.memory, self._state.settings.device != "cpu"
        self.asking.emit(entry.name)

        def plan() -> list[HubDownload]:
            from studio.jobs.get_from_catalogue import plan_variant
            from studio.models.catalogue.choice import choose_variant
            from studio.models.catalogue.installed import installed

            plans = [plan_variant(entry, variant, settings)]
            for id in entry.companions:
                other = catalogue.get(id)
                if other is not None and not installed(other, models):
                    suitable = choose_variant(other, *memories(device, uses_gpu=uses_gpu)).variant
                    plans.append(plan_variant(other, suitable, settings))
            return plans

        def planned(plans: list[HubDownload]) -> None:
            from studio.jobs.get_from_catalogue import differs_much

            size = plans[0].item.size
            notes = [note] if note else []
            if differs_much(size, variant) and size is not None:
                notes.append(
                    self.tr("The download is {size}; the catalogue says {expected}.").format(
                        size=readable_size(size), expected=size_text(entry, variant)
                    )
                )
            conditions = entry.conditions
            licence = entry.licence
            if conditions is not None:
                language = active_language(self._state.settings.language)
                licence = f"{licence}. {conditions.text(language)}"
            self._ask_or_add(
                entry.title_of(variant), plans, licence, notes, asks=conditions is not None
            )

        self._state.background.waiting(self, plan, planned, self.failed.emit)

    def get_plan(self, plan: Plan) -> None:
        """Get what was planned for a repository, an address or a path."""
        from studio.jobs.get_model import LocalCopy

        if isinstance(plan, LocalCopy):
            self._downloads.copy(plan.path)
            self.queued.emit(plan.path.name)
            return
        licence = plan.item.licence or self.tr("Not stated. Read its page before you use it.")
        self._ask_or_add(plan.item.title, [plan], licence, [], asks=not plan.item.licence)

    def get_smaller(self, model: ModelRef) -> None:
        """Get a smaller version of an installed model."""
        paths, settings, models = self._state.paths, self._state.settings, self._state.all_models
        device, uses_gpu = self._state.memory, self._state.settings.device != "cpu"
        self.asking.emit(model.name)

        def plan() -> HubDownload:
            from studio.jobs.smaller_version import plan_smaller

            _, gpu = memories(device, uses_gpu=uses_gpu)
            return plan_smaller(model, models, paths, settings, gpu)

        self._state.background.waiting(self, plan, self.get_plan, self.failed.emit)

    def plan(
        self, text: str, then: Callable[[Plan], object], failed: Callable[[Problem], object]
    ) -> None:
        """Find out what `text` means and what would be downloaded."""
        settings = self._state.settings

        def plan() -> Plan:
            from studio.jobs.get_model import plan_download

            return plan_download(text, settings)

        self._state.background.waiting(self, plan, then, failed)

    # ---- private

    def _ask_or_add(
        self,
        title: str,
        plans: list[HubDownload],
        licence: str,
        notes: list[str],
        *,
        asks: bool,
    ) -> None:
        notes = [*notes, *(translated(note) for plan in plans for note in plan.notes)]
        if not asks and not notes and not any(plan.needs_consent for plan in plans):
            self._add(title, plans)
            return
        others = [(self.tr("Needs as well"), other.item.title) for other in plans[1:]]
        facts = [(self.tr("Licence"), licence), *others]
        page = plans[0].model.page if plans[0].model is not None else ""
        dialog = ConfirmDownload(title, _size_of(plans), facts, notes, page, self._window)
        dialog.accepted.connect(lambda: self._add(title, plans))
        dialog.rejected.connect(self.declined)
        dialog.finished.connect(self._answered)
        self.question = dialog
        dialog.open()

    def _answered(self) -> None:
        if self.question is not None:
            self.question.deleteLater()
            self.question = None

    def _add(self, title: str, plans: list[HubDownload]) -> None:
        for plan in plans:
            self._downloads.add(plan.item)
        self.queued.emit(title)


def _size_of(plans: list[HubDownload]) -> str:
    sizes = [plan.item.size for plan in plans]
    if None in sizes:
        return ""
    return readable_size(sum(size for size in sizes if size is not None))
