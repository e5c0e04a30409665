"""The values of the Text tab in the settings file."""

from __future__ import annotations

from msgspec import Struct

from studio.kinds.fields import fields_of
from studio.kinds.text import FALLBACKS, Preset, TextRequest

_FIELDS = fields_of(TextRequest)


class TextValues(Struct):
    """The values of the Text tab."""

    prompt: str = ""
    system_prompt: str = _FIELDS["system_prompt"].default
    model: str = _FIELDS["model"].default
    count: int = _FIELDS["count"].default
    seed: int | None = _FIELDS["seed"].default
    preset: Preset = _FIELDS["preset"].default
    schema: str = _FIELDS["schema"].default
    regex: str = _FIELDS["regex"].default
    stop: tuple[str, ...] = ()
    form_open: bool = False
    max_tokens: int = _FIELDS["max_tokens"].default
    temperature: float | None = _FIELDS["temperature"].default
    top_p: float | None = _FIELDS["top_p"].default
    top_k: int | None = _FIELDS["top_k"].default
    min_p: float | None = _FIELDS["min_p"].default
    repetition_penalty: float | None = _FIELDS["repetition_penalty"].default
    fast_variations: bool = _FIELDS["fast_variations"].default
    more_open: bool = False
    options_open: bool = False
    list_open: bool = True
    enter_sends: bool = False
    starts_new: bool = False


def follow_model(values: TextValues) -> None:
    """Let untouched sampling values of an earlier version follow the model.

    It stored the values of `FALLBACKS` as if they had been chosen.
    """
    # That version had no min-p.
    known = {"min_p": (None, FALLBACKS["min_p"])}
    if all(getattr(values, name) in known.get(name, (value,)) for name, value in FALLBACKS.items()):
        for name in FALLBACKS:
            setattr(values, name, None)
