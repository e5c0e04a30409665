"""The values of a filled form: whether they are possible, and how lists and numbers are read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from studio.protocol import Sentence, sentence
from studio.writing.forms.form import Form, FormField

MAX_VALUE = 150_000
"""Characters of a value."""


def value_errors(form: Form, values: Mapping[str, str]) -> Iterator[tuple[str, Sentence]]:
    """Yield (field, message) for what is missing or not possible in a filled form."""
    for name in values:
        if form.field(name) is None:
            names = ", ".join(field.name for field in form.fields)
            yield (
                name,
                sentence(
                    "There is no field named {name}. The fields are: {names}.",
                    name=name[:100],
                    names=names,
                ),
            )
    for field in form.fields:
        value = value_of(field, values)
        if field.required and not value:
            yield field.name, sentence("“{label}” is empty.", label=field.label)
            continue
        if len(value) > MAX_VALUE:
            yield (
                field.name,
                sentence(
                    "“{label}” is longer than {most} characters.",
                    label=field.label,
                    most=f"{MAX_VALUE:,}",
                ),
            )
        if not value:
            continue
        if field.type == "choice" and value not in field.choices:
            yield (
                field.name,
                sentence(
                    "“{label}” is one of: {choices}.",
                    label=field.label,
                    choices=", ".join(field.choices),
                ),
            )
        if field.type == "number":
            number = number_of(value)
            low, high = field.minimum, field.maximum
            if number is None:
                yield field.name, sentence("“{label}” must be a number.", label=field.label)
            elif (low is not None and number < low) or (high is not None and number > high):
                yield (
                    field.name,
                    sentence(
                        "“{label}” must be from {low} to {high}.",
                        label=field.label,
                        low="−∞" if low is None else f"{low:g}",
                        high="∞" if high is None else f"{high:g}",
                    ),
                )


def value_of(field: FormField, values: Mapping[str, str]) -> str:
    """Return the value of a field, or its default."""
    return values.get(field.name, "").strip() or field.default


def items_of(value: str) -> list[str]:
    """Return the items of a list, one a line, without marks of lists."""
    lines = (
        re.sub(r"^\s*(?:(?:[-*•·]|\d{1,3}[.)])\s+|\d{1,3}、\s*)", "", line)
        for line in value.splitlines()
    )
    return [line.strip() for line in lines if line.strip()]


def number_of(text: str) -> float | None:
    """Return the number that a person typed, None if it is none."""
    plain = text.strip().replace(",", "").replace("，", "")
    return float(plain) if re.fullmatch(r"-?\d{1,15}(\.\d{1,15})?", plain, re.ASCII) else None
