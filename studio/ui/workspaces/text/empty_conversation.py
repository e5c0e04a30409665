"""What the Text tab shows while there is no conversation: how to start, or where to get a model."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from studio.kinds.text import KIND
from studio.protocol import ModelRef
from studio.ui.fields.language_hint import knows_only_english
from studio.ui.fields.prompt_edit import PromptEdit
from studio.ui.shell.model_offers import model_offers_of
from studio.ui.shell.state import AppState
from studio.ui.style.translations import joined, tr
from studio.ui.widgets.empty_state import EmptyState
from studio.ui.widgets.plain_text import one_line

SMALL = 600_000_000
"""Bytes of the weights below which a model is said to be small."""

EXAMPLES = (
    "Write a slogan for a bicycle repair shop",
    "Explain in three sentences why the sky is blue",
    "Write a short, polite letter that cancels a gym membership",
)
"""For a model that knows only English, whatever the language of the window."""


def show_empty(
    empty: EmptyState,
    state: AppState,
    model: ModelRef | None,
    prompt: PromptEdit,
    open_forms: Callable[[], object],
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
    empty.set_text(tr("What would you like to write?"), _abilities(model))
    actions: list[tuple[str, Callable[[], object]]] = [
        (text, partial(_use_example, prompt, text)) for text in _examples(knows_only_english(model))
    ]
    actions.append((tr("Fill in a form…"), open_forms))
    offers = model_offers_of(state)
    if model is not None and model.size < SMALL and offers.best(task) is not None:
        actions.append(offers.action(task))
    empty.set_actions(actions)


def _use_example(prompt: PromptEdit, example: str) -> None:
    prompt.set_text(example)
    prompt.setFocus()


def _examples(in_english: bool) -> tuple[str, ...]:
    if in_english:
        return EXAMPLES
    return (
        tr("Write a slogan for a bicycle repair shop"),
        tr("Explain in three sentences why the sky is blue"),
        tr("Write a short, polite letter that cancels a gym membership"),
    )


def _abilities(model: ModelRef | None) -> str:
    """Say what the chosen model is good for, and how variations work."""
    variations = tr(
        "With several variations, you select the one that the conversation continues with."
    )
    if model is None:
        return variations
    name = one_line(model.name, 60)
    if model.size >= SMALL:
        can = tr("{name} writes, rewrites, summarises and answers questions.")
    elif knows_only_english(model):
        can = tr("{name} is a small model: it suits short texts in English.")
    else:
        can = tr("{name} is a small model: it suits short texts.")
    return joined((can.format(name=name), variations))


def _install_starter(state: AppState) -> None:
    from studio.ui.models.starter_install import starter_install_of

    starter_install_of(state).start()
    state.destinations.open_models(KIND.task)
