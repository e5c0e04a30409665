"""What the Text tab shows while there is no conversation: how to start, or where to get a model."""

from __future__ import annotations

from collections.abc import Callable

from studio.kinds.text import KIND
from studio.protocol import ModelRef
from studio.ui.fields.language_hint import knows_only_english
from studio.ui.shell.model_offers import model_offers_of
from studio.ui.shell.state import AppState
from studio.ui.style.translations import tr
from studio.ui.widgets.empty_state import EmptyState


def show_empty(
    empty: EmptyState,
    state: AppState,
    model: ModelRef | None,
    use_example: Callable[[str], object],
) -> None:
    """Fill the placeholder for the chosen model, or for none."""
    task = KIND.task
    if state.models_known and not state.models(task):
        empty.set_text(
            tr("No text model yet"),
            tr(
                "Get one that suits this computer, install the small starter model, or add "
                "your own: a folder with safetensors files, or a GGUF file."
            ),
        )
        empty.set_actions(
            [
                model_offers_of(state).action(task),
                (tr("Install the starter models"), lambda: _install_starter(state)),
                (tr("Add a model…"), lambda: state.destinations.open_models(task)),
            ]
        )
        return
    empty.set_text(
        tr("Start a conversation"),
        tr(
            "Write a prompt and press Generate, or Ctrl+Enter. Several variations appear side "
            "by side, and you choose the one to continue with."
        ),
    )
    example = (
        "Write a slogan for a bicycle repair shop"
        if knows_only_english(model)
        else tr("Write a slogan for a bicycle repair shop")
    )
    empty.set_actions([(example, lambda: use_example(example))])


def _install_starter(state: AppState) -> None:
    from studio.ui.models.starter_install import starter_install_of

    starter_install_of(state).start()
    state.destinations.open_models(KIND.task)
