"""The controls show what suits the chosen model, and what differs from it."""

from __future__ import annotations

from typing import Any

import pytest

from studio.kinds.text import FALLBACKS
from studio.ui.fields.model_defaults_button import ModelDefaultsButton
from studio.ui.main_window import MainWindow
from studio.ui.workspaces.text.values import TextValues, follow_model


@pytest.fixture
def controls(window: MainWindow) -> Any:
    tab: Any = window.tab("text")
    tab.create_all()
    return tab.controls


def test_auto_shows_the_models_value_and_a_bold_label_what_differs(controls: Any) -> None:
    controls.show_model_defaults({"temperature": 0.2})
    assert controls.temperature.spin.text() == "Auto (0.2)"
    assert controls.top_k.spin.text() == f"Auto ({FALLBACKS['top_k']:g})"
    button = controls.findChild(ModelDefaultsButton, "text.defaults")
    assert not button.isEnabled()
    assert not controls.temperature.label.font().bold()
    controls.temperature.set_value(0.7)
    assert controls.temperature.label.font().bold() and button.isEnabled()
    button.click()
    assert controls.temperature.value() is None and not button.isEnabled()
    assert not controls.temperature.label.font().bold()


def test_the_request_leaves_open_what_nobody_changed(window: MainWindow, controls: Any) -> None:
    tab: Any = window.tab("text")
    request = tab._request("hello")
    assert (request.temperature, request.top_p, request.top_k) == (None, None, None)
    controls.top_k.set_value(7)
    assert tab._request("hello").top_k == 7


def test_values_that_an_earlier_version_stored_untouched_follow_the_model() -> None:
    untouched = TextValues(**FALLBACKS)  # type: ignore[arg-type]  # top_k is a whole number
    follow_model(untouched)
    assert untouched == TextValues()
    chosen = TextValues(**{**FALLBACKS, "temperature": 0.9})  # type: ignore[arg-type]
    follow_model(chosen)
    assert (chosen.temperature, chosen.top_p) == (0.9, 0.95)
