"""Read a form from its file, and check what the types cannot say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from studio.protocol import Sentence, sentence
from studio.writing.forms.fill import placeholders
from studio.writing.forms.form import Form, FormField
from studio.writing.forms.toml_file import BrokenFile, line_of, read_text, read_toml
from studio.writing.forms.values import number_of

RESERVED = frozenset(
    {
        "form",
        "form_version",
        "brand",
        "glossary_file",
        "attempt",
        "review",
        "line",
        "task",
        "edited_version",
        "edits",
    }
)
"""Names that a result's labels and tables use for themselves."""

_REQUEST = frozenset({"prompt", "system_prompt", "messages", "schema", "regex", "task"})
"""Fields of a request that a form fills in its own way."""


def read_form(path: Path) -> Form | BrokenFile:
    """Return the form of a file, or what is wrong with it."""
    text = read_text(path)
    if isinstance(text, BrokenFile):
        return text
    form = read_toml(path, text, Form)
    if isinstance(form, BrokenFile):
        return form
    for line, message in _errors(form, text):
        return BrokenFile(path, line, message)
    return form


def _errors(form: Form, text: str) -> Iterator[tuple[int, Sentence]]:
    names = [field.name for field in form.fields]
    for place, field in enumerate(form.fields):
        steps: list[str | int] = ["fields", place]
        if field.name in RESERVED:
            yield (
                line_of(text, [*steps, "name"]),
                sentence("A field cannot be named {name}.", name=field.name),
            )
        if field.name in names[:place]:
            yield (
                line_of(text, [*steps, "name"]),
                sentence("There are two fields named {name}.", name=field.name),
            )
        for key, message in _field_errors(field):
            yield line_of(text, [*steps, key]), message
    for name, template in (("system", form.system), ("prompt", form.prompt)):
        for used in placeholders(template):
            if used not in names:
                yield (
                    _line_with(text, used) or line_of(text, [name]),
                    sentence("There is no field named {name}.", name=used[:100]),
                )
    for key in (
        "banned_field",
        "points_field",
        "glossary_field",
        "max_length_field",
        "shorter_than_field",
        "longer_than_field",
    ):
        used = getattr(form.checks, key)
        if used and used not in names:
            yield (
                line_of(text, ["checks", key]),
                sentence("There is no field named {name}.", name=used[:100]),
            )
    for place, example in enumerate(form.examples):
        for used in example.fields:
            if used not in names:
                yield (
                    line_of(text, ["examples", place, "fields", used]),
                    sentence("There is no field named {name}.", name=used[:100]),
                )
    for used in form.settings:
        if used in _REQUEST:
            yield (
                line_of(text, ["settings", used]),
                sentence("{name} cannot be a setting of a form.", name=used),
            )
    if form.schema and form.regex:
        yield (
            line_of(text, ["regex"]),
            sentence("Give either a schema or a regular expression, not both."),
        )


def _field_errors(field: FormField) -> Iterator[tuple[str, Sentence]]:
    if (field.type == "choice") != bool(field.choices):
        yield "choices", sentence("A field of the type choice needs choices, and no other has any.")
    elif field.choices and field.default and field.default not in field.choices:
        yield "default", sentence("The default is none of the choices.")
    if field.type == "number" and field.default and number_of(field.default) is None:
        yield "default", sentence("{value} is not a number.", value=field.default[:40])


def _line_with(text: str, name: str) -> int:
    found = re.search(r"\{\{[ \t]*" + re.escape(name) + r"[ \t]*\}\}", text)
    return text.count("\n", 0, found.start()) + 1 if found else 0
