"""Translatable messages for the user."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec import Struct


class Sentence(Struct, frozen=True):
    """A message for the user: an English template and the values for its placeholders.

    The template is the translation key, so that the window can translate messages that were made
    in the engine. A value may be a sentence too, which is then translated with it. `str()` returns
    the English text.
    """

    template: str
    values: Mapping[str, str | Sentence] = {}

    def __str__(self) -> str:
        return self.template.format_map(self.values) if self.values else self.template


def sentence(template: str, **values: object) -> Sentence:
    """Return a `Sentence` with all values converted to text, but for sentences.

    The template must be a literal: tests/ui/test_translations.py collects it from the source.
    """
    kept = {
        name: value if isinstance(value, Sentence) else str(value) for name, value in values.items()
    }
    return Sentence(template, kept)


def in_words(message: Sentence, translate: Callable[[str], str]) -> str:
    """Return a sentence whose templates were translated, with its values filled in."""
    template = translate(message.template)
    if not message.values:
        return template
    return template.format_map(
        {name: _value(value, translate) for name, value in message.values.items()}
    )


def _value(value: str | Sentence, translate: Callable[[str], str]) -> str:
    if isinstance(value, Sentence):
        return in_words(value, translate)
    return translate(value) if value in _REASONS_OF_SYSTEM else value


_REASONS_OF_SYSTEM = frozenset(
    reason.template
    for reason in (
        sentence("No such file or directory"),
        sentence("Permission denied"),
        sentence("Operation not permitted"),
        sentence("No space left on device"),
        sentence("Read-only file system"),
        sentence("Is a directory"),
        sentence("Not a directory"),
        sentence("File exists"),
        sentence("File name too long"),
        sentence("Input/output error"),
        sentence("Too many open files"),
        sentence("Too many levels of symbolic links"),
        sentence("Device or resource busy"),
        sentence("Disk quota exceeded"),
        sentence("Connection refused"),
        sentence("Connection reset by peer"),
        sentence("Network is unreachable"),
        sentence("Address already in use"),
        sentence("timed out"),
    )
)
"""What the system calls common errors. It does so in English, but on Windows."""
