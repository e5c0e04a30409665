"""The form of an answer: a JSON schema or a regular expression, checked before anything runs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from studio.formats.chat.thoughts import without_thoughts
from studio.protocol import Sentence, sentence

MAX_FORM_LENGTH = 100_000
"""Characters of a schema or a regular expression."""

_MAX_DEPTH = 60
_MAX_VALUES = 20_000
_MAX_MULTIPLE = 100_000
"""The automaton for multiples has as many states."""

_MAX_COLUMNS = 100
_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")


def schema_error(text: str) -> Sentence | None:
    """Return what is wrong with the text of a JSON schema, as far as its form tells."""
    try:
        schema = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        return sentence("This is not valid JSON: {reason}.", reason=error)
    if not isinstance(schema, dict):
        return sentence("A schema must be a JSON object.")
    number = 0
    for depth, value in _values(schema):
        number += 1
        if depth > _MAX_DEPTH or number > _MAX_VALUES:
            return sentence("The schema is too large. Split the work into smaller answers.")
        if not isinstance(value, dict):
            continue
        for name in _REFERENCES:
            if isinstance(place := value.get(name), str) and not place.startswith("#"):
                return sentence(
                    "The schema refers to {place}, which is not part of it. Write it into $defs.",
                    place=place[:100],
                )
        multiple = value.get("multipleOf")
        if isinstance(multiple, int | float) and multiple > _MAX_MULTIPLE:
            return sentence("multipleOf must be at most {most}.", most=_MAX_MULTIPLE)
    return None


def columns_of(text: str) -> tuple[str, ...]:
    """Return the properties at the top of a JSON schema, as names of columns of a table."""
    try:
        schema = msgspec.json.decode(text) if text else {}
    except (msgspec.DecodeError, RecursionError):
        return ()
    properties = schema.get("properties") if isinstance(schema, dict) else None
    return tuple(properties)[:_MAX_COLUMNS] if isinstance(properties, dict) else ()


def cells_of(text: str, answer: str) -> dict[str, str]:
    """Return the cells of an answer by these columns; none if it is not such an object."""
    columns = columns_of(text)
    if not columns:
        return {}
    try:
        values = msgspec.json.decode(without_thoughts(answer))
    except (msgspec.DecodeError, RecursionError):
        return {}
    if not isinstance(values, dict):
        return {}
    return {name: _cell(values[name]) for name in columns if name in values}


def _cell(value: Any) -> str:
    """Return texts as they are, null as nothing, and everything else as JSON."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    return msgspec.json.encode(value).decode()


def _values(value: Any, depth: int = 0) -> Iterator[tuple[int, Any]]:
    """Yield all values within a value, and how deep they are."""
    waiting = [(depth, value)]
    while waiting:
        depth, value = waiting.pop()
        yield depth, value
        parts = value.values() if isinstance(value, dict) else value
        if isinstance(value, dict | list):
            waiting.extend((depth + 1, part) for part in parts)
