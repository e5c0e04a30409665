"""What the Image tab's controls say, to and from the settings and requests."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from studio.kinds.image import ImageRequest
from studio.settings import ImageValues

if TYPE_CHECKING:
    from studio.ui.workspaces.image.image_tab import ImageTab


def whole(value: float | None) -> int | None:
    """Return a field's number as an int; None stays "Auto"."""
    return None if value is None else int(value)


def show_values(tab: ImageTab, values: ImageValues) -> None:
    """Show the values of last time."""
    _show(tab, values)
    if values.image and Path(values.image).is_file():
        tab.controls.source.set_path(values.image)
        if values.mask and Path(values.mask).is_file():
            tab.controls.source.set_mask_path(values.mask)
    tab.controls.more.set_open(values.more_open)


def show_request(tab: ImageTab, request: ImageRequest) -> None:
    """Show the settings of a request."""
    _show(tab, request)
    tab.controls.source.set_path(request.image.path if request.image is not None else "")
    tab.controls.source.set_mask_path(request.mask.path if request.mask is not None else "")


def _show(tab: ImageTab, values: ImageValues | ImageRequest) -> None:
    """Show the fields that settings and requests have in common."""
    controls = tab.controls
    tab.prompt.set_text(values.prompt)
    tab.model.set_model_id(values.model)
    tab.run_bar.count.setValue(values.count)
    controls.negative.set_text(values.negative_prompt)
    controls.seed.set_value(values.seed)
    controls.width_field.set_value(values.width)
    controls.height_field.set_value(values.height)
    controls.steps.set_value(values.steps)
    controls.guidance.set_value(values.guidance_scale)
    controls.set_scheduler(values.scheduler)
    controls.strength.set_value(values.strength)
    controls.transparent.setChecked(values.transparent)


def keep_values(tab: ImageTab, values: ImageValues) -> None:
    """Put what the controls say into the settings."""
    controls = tab.controls
    values.prompt = tab.prompt.text()
    values.negative_prompt = controls.negative.text()
    values.model = tab.model.model_id()
    values.count = tab.run_bar.count.value()
    values.seed = controls.seed.value()
    values.width = whole(controls.width_field.value())
    values.height = whole(controls.height_field.value())
    values.steps = whole(controls.steps.value())
    values.guidance_scale = controls.guidance.value()
    values.scheduler = controls.scheduler_name()
    values.image = controls.source.path()
    values.mask = controls.source.mask_path()
    values.strength = float(controls.strength.value() or 0.0)
    values.transparent = controls.transparent.isChecked()
    values.more_open = controls.more.is_open()
