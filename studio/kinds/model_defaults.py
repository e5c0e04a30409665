"""Fill what a request leaves open with values that suit its model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from studio.kinds.fields import Field
from studio.kinds.registry import AnyKind, kind_if_known
from studio.kinds.requests import inputs_of
from studio.protocol import Capabilities, Request

R = TypeVar("R", bound=Request)


def known_defaults(kind: AnyKind, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return those values that are valid for fields which a request may leave open."""
    return {
        name: value
        for name, value in values.items()
        if (field := kind.fields.get(name)) is not None and _is_open(field) and _fits(field, value)
    }


def with_model_defaults(request: R, defaults: Mapping[str, Any]) -> R:
    """Return the request with the model's values, or the kind's fallbacks, in its open fields.

    Args:
        request: of any kind.
        defaults: the model's own values by field name.
    """
    kind = kind_if_known(request)
    if kind is None:
        return request
    left = kind.follows_input if inputs_of(request) else frozenset()
    suiting = {**kind.fallbacks, **known_defaults(kind, defaults)}
    filled = {
        name: value
        for name, value in kind.adapt_defaults(request, suiting).items()
        if name not in left and getattr(request, name) in (None, "")
    }
    return request.with_values(**filled) if filled else request


def capabilities_with(capabilities: Capabilities, defaults: Mapping[str, Any]) -> Capabilities:
    """Return capabilities whose defaults are the model's own where they are known."""
    names = {"width", "height", "steps", "guidance_scale", "scheduler"}.intersection(
        capabilities.controls
    )
    values = {name: defaults[name] for name in names if name in defaults}
    return msgspec.structs.replace(capabilities, **values) if values else capabilities


def _is_open(field: Field) -> bool:
    """Return whether an empty value of a field means "what suits the model"."""
    return field.optional or field.name == "scheduler"


def _fits(field: Field, value: object) -> bool:
    if field.type == "string":
        return isinstance(value, str)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    if field.type == "integer" and not isinstance(value, int):
        return False
    if field.type not in ("integer", "number"):
        return False
    low = field.minimum is None or value >= field.minimum
    if field.exclusive_minimum and value == field.minimum:
        low = False
    return low and (field.maximum is None or value <= field.maximum)
