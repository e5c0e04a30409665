"""Sentences for people: an English template, which is also the key of its translation."""

from __future__ import annotations

from msgspec import Struct


class Sentence(Struct, frozen=True):
    """A sentence for a person: an English template and the values that fill it.

    The template is the key of its translation, so a message made in the engine can be shown
    in Chinese by a window that never saw the code that made it. `str()` gives the English.
    """

    template: str
    values: dict[str, str] = {}

    def __str__(self) -> str:
        return self.template.format_map(self.values) if self.values else self.template


def sentence(template: str, **values: object) -> Sentence:
    """Return a `Sentence` with every value turned into text.

    The template must be a literal at the call: the test of the translations reads it there.
    """
    return Sentence(template, {name: str(value) for name, value in values.items()})
