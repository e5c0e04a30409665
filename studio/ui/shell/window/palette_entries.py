"""What the command palette finds: actions, settings, models and recent prompts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, get_args

from PySide6.QtWidgets import QComboBox, QToolButton, QWidget

from studio.kinds.registry import kind_if_known, kinds
from studio.protocol import ModelRef
from studio.ui.shell.kind_labels import asset_icon, task_title
from studio.ui.shell.state import AppState
from studio.ui.shell.window.actions import WindowAction
from studio.ui.shell.window.command_palette import PaletteEntry
from studio.ui.style.theme import Scheme
from studio.ui.style.translations import tr
from studio.ui.widgets.plain_text import one_line

if TYPE_CHECKING:
    from studio.library.records import Asset

RECENT = 300
"""Results whose prompts are looked at."""

MAX_PROMPTS = 60


def action_entries(actions: Sequence[WindowAction]) -> Iterator[PaletteEntry]:
    """Yield an entry for each action but the palette itself."""
    for action in actions:
        if action.name != "palette":
            keys = action.keys[0] if action.keys else ""
            yield PaletteEntry(action.text, tr("Action"), action.icon, action.run, keys)


def button_entries(window: QWidget, show_task: Callable[[str], object]) -> Iterator[PaletteEntry]:
    """Yield the buttons of tabs whose property `palette_icon` names an icon."""

    def click(button: QToolButton) -> None:
        show_task(button.objectName().partition(".")[0])
        button.click()

    for button in window.findChildren(QToolButton):
        if name := button.property("palette_icon"):
            yield PaletteEntry(button.text(), button.toolTip(), name, partial(click, button))


def setting_entries(
    open_settings: Callable[[str], object], choose_scheme: Callable[[Scheme], object]
) -> Iterator[PaletteEntry]:
    """Yield the appearances, which are chosen at once, and the settings that have a field."""
    names: dict[Scheme, str] = {
        "system": tr("Same as the system"),
        "light": tr("Light"),
        "dark": tr("Dark"),
    }
    for scheme in get_args(Scheme):
        text = f"{tr('Appearance')}: {names[scheme]}"
        yield PaletteEntry(text, tr("Setting"), "contrast", partial(choose_scheme, scheme))
    for name, text in (
        ("settings.language", tr("Language")),
        ("settings.library", tr("Library folder")),
        ("settings.models", tr("Folder of models")),
        ("settings.threads", tr("Threads")),
        ("settings.device", tr("Device")),
        ("settings.aigc_label", tr("Label results as AI-generated for China (GB 45438-2025)")),
        ("settings.aigc_visible", tr("Visible AI label in exports")),
    ):
        yield PaletteEntry(text, tr("Setting"), "settings", partial(open_settings, name))


def model_entries(
    state: AppState, window: QWidget, show_task: Callable[[str], object]
) -> Iterator[PaletteEntry]:
    """Yield the installed models; choosing one selects it in its tab."""

    def choose(model: ModelRef) -> None:
        show_task(model.task)
        box = window.findChild(QComboBox, f"{model.task}.model")
        if box is not None and (place := box.findData(model.id)) >= 0:
            box.setCurrentIndex(place)
            box.activated.emit(place)

    for model in state.models():
        if not kinds()[model.task].workspace:
            continue
        detail = tr("Model for {task}").format(task=task_title(model.task))
        yield PaletteEntry(one_line(model.name), detail, "package", partial(choose, model))


def prompt_entries(state: AppState, assets: Sequence[Asset]) -> Iterator[PaletteEntry]:
    """Yield the prompts of results, the newest first, each once for each kind of work."""
    seen: set[tuple[str, str]] = set()
    for asset in assets:
        prompt = one_line(asset.prompt)
        key = (asset.task, prompt)
        kind = kind_if_known(asset.recipe.request)
        if not prompt or key in seen or kind is None:
            continue
        seen.add(key)
        detail = tr("Recent prompt, {task}").format(task=task_title(asset.task))
        request = asset.recipe.request
        # The prompt is wanted again, not the same result.
        fresh = request.with_values(seed=None) if kind.is_seeded else request
        use = partial(state.destinations.restore, fresh)
        yield PaletteEntry(prompt, detail, asset_icon(asset), use)
        if len(seen) == MAX_PROMPTS:
            return
