"""Translatable messages for the user."""

from __future__ import annotations

from msgspec import Struct


class Sentence(Struct, frozen=True):
    """A message for the user: an English template and the values for its placeholders.

    The template is the translation key, so that the window can translate messages that were made
    in the engine. `str()` returns the English text.
    """

    template: str
    values: dict[str, str] = {}

    def __str__(self) -> str:
        return self.template.format_map(self.values) if self.values else self.template


def sentence(template: str, **values: object) -> Sentence:
    """Return a `Sentence` with all values converted to text.

    The template must be a literal: tests/ui/test_translations.py collects it from the source.
    """
    return Sentence(template, {name: str(value) for name, value in values.items()})
