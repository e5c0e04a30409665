"""LoRAs as people write them: `name:0.8; other` in a table, `--lora name:0.8` as an option."""

from __future__ import annotations

import math
from typing import Any

import msgspec

MAX_WEIGHT = 10.0
"""Largest weight, and smallest with the other sign."""


def adapter_fields(value: object) -> object:
    """Return the fields of the adapters that a text, or a list of texts, names.

    Other values are returned as they are. Raises `msgspec.ValidationError` for a weight that is
    out of range.
    """
    if isinstance(value, str):
        value = value.split(";")
    if not isinstance(value, list):
        return value
    fields = [_fields(part) if isinstance(part, str) else part for part in value]
    return [part for part in fields if part is not None]


def _fields(text: str) -> dict[str, Any] | None:
    """Return the fields of an adapter; None for an empty text.

    What follows the last colon is the weight if it is a number: paths may have colons, too.
    """
    text = text.strip()
    name, colon, number = text.rpartition(":")
    try:
        weight = float(number) if colon else 1.0
    except ValueError:
        name, weight = text, 1.0
    if not colon:
        name = text
    if not name.strip():
        return None
    if not math.isfinite(weight) or abs(weight) > MAX_WEIGHT:
        raise msgspec.ValidationError(
            f"Expected `float` <= {MAX_WEIGHT:g} - at `$.adapters[...].weight`"
        )
    return {"model": name.strip(), "weight": weight}
