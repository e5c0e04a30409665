"""The values of the Image tab in the settings file, and how they get into the controls."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

from studio.formats.untrusted_files import is_file
from studio.kinds.fields import fields_of
from studio.kinds.image import ImageRequest
from studio.ui.fields.adapter_cards import AdapterValue
from studio.ui.fields.number_field import optional_int

if TYPE_CHECKING:
    from studio.ui.fields.model_picker import ModelPicker
    from studio.ui.fields.prompt_edit import PromptEdit
    from studio.ui.widgets.run_bar import RunBar
    from studio.ui.workspaces.image.image_controls import ImageControls

_FIELDS = fields_of(ImageRequest)


class ImageValues(Struct):
    """The values of the Image tab; None is "Auto"."""

    prompt: str = ""
    negative_prompt: str = _FIELDS["negative_prompt"].default
    model: str = _FIELDS["model"].default
    count: int = _FIELDS["count"].default
    seed: int | None = _FIELDS["seed"].default
    width: int | None = _FIELDS["width"].default
    height: int | None = _FIELDS["height"].default
    steps: int | None = _FIELDS["steps"].default
    guidance_scale: float | None = _FIELDS["guidance_scale"].default
    scheduler: str = _FIELDS["scheduler"].default
    image: str = ""
    strength: float = _FIELDS["strength"].default
    mask: str = ""
    transparent: bool = _FIELDS["transparent"].default
    adapters: tuple[AdapterValue, ...] = ()
    more_open: bool = False
    recipe_open: bool | None = None
    """None where there is room for it."""


class Form(Protocol):
    """The controls with the values."""

    prompt: PromptEdit
    model: ModelPicker
    run_bar: RunBar
    controls: ImageControls


def show_values(form: Form, values: ImageValues) -> None:
    """Show the stored values; a start picture or mask that no longer exists is left out."""
    _show(form, values)
    image = values.image if values.image and is_file(Path(values.image)) else ""
    mask = values.mask if image and values.mask and is_file(Path(values.mask)) else ""
    form.controls.start_picture.set_path(image)
    form.controls.start_picture.set_mask_path(mask)
    form.controls.adapters.set_values(values.adapters)
    form.controls.more.set_open(values.more_open)


def show_request(form: Form, request: ImageRequest) -> None:
    """Show the settings of a request."""
    _show(form, request)
    form.controls.adapters.set_values(
        [AdapterValue(adapter.model, adapter.weight) for adapter in request.adapters]
    )
    form.controls.start_picture.set_path(request.image.path if request.image is not None else "")
    form.controls.start_picture.set_mask_path(request.mask.path if request.mask is not None else "")


def _show(form: Form, values: ImageValues | ImageRequest) -> None:
    """Show the fields that the stored values and requests have in common."""
    controls = form.controls
    form.prompt.set_text(values.prompt)
    form.model.set_model_id(values.model)
    form.run_bar.count.setValue(values.count)
    controls.negative.set_text(values.negative_prompt)
    controls.seed.set_value(values.seed)
    controls.width_field.set_value(values.width)
    controls.height_field.set_value(values.height)
    controls.steps.set_value(values.steps)
    controls.guidance.set_value(values.guidance_scale)
    controls.set_scheduler(values.scheduler)
    controls.strength.set_value(values.strength)
    controls.transparent.setChecked(values.transparent)


def store_values(form: Form, values: ImageValues) -> None:
    """Store the values of the controls."""
    controls = form.controls
    values.prompt = form.prompt.text()
    values.negative_prompt = controls.negative.text()
    values.model = form.model.model_id()
    values.count = form.run_bar.count.value()
    values.seed = controls.seed.value()
    values.width = optional_int(controls.width_field.value())
    values.height = optional_int(controls.height_field.value())
    values.steps = optional_int(controls.steps.value())
    values.guidance_scale = controls.guidance.value()
    values.scheduler = controls.scheduler_name()
    values.image = controls.start_picture.path()
    values.mask = controls.start_picture.mask_path()
    values.strength = float(controls.strength.value() or 0.0)
    values.adapters = controls.adapters.values()
    values.transparent = controls.transparent.isChecked()
    values.more_open = controls.more.is_open()
