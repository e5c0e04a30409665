"""`studio write --list`: the forms, and the files that cannot be used as forms."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec
from msgspec import Struct

from studio.cli.columns import columns_of, padded
from studio.cli.exit_status import DONE, SOME_FAILED
from studio.cli.language import tr
from studio.cli.terminal import visible
from studio.settings import RESOURCES
from studio.writing.forms.form_folders import FoundForm, list_forms
from studio.writing.forms.toml_file import BrokenFile


class _Field(Struct, frozen=True, omit_defaults=True):
    name: str
    label: str
    type: str
    required: bool
    help: str = ""
    example: str = ""
    default: str = ""
    choices: tuple[str, ...] = ()


class _Line(Struct, frozen=True):
    """A form as scripts read it."""

    form: str
    language: str
    title: str
    summary: str
    purpose: str
    task: str
    version: int
    own: bool
    review: bool
    path: str
    fields: tuple[_Field, ...]


def print_forms(library: Path, *, as_json: bool) -> int:
    """Print one form a line, those of the library first. Return the exit status."""
    forms = list_forms(RESOURCES, library)
    width = max((columns_of(each.id) for each in forms.forms), default=0)
    for each in forms.forms:
        if as_json:
            print(msgspec.json.encode(_line(each)).decode())
        else:
            print(visible(f"{padded(each.id, width)}  {each.form.title}: {each.form.summary}"))
    print_broken(forms.broken)
    return SOME_FAILED if forms.broken else DONE


def print_broken(files: tuple[BrokenFile, ...]) -> None:
    """Say which files cannot be used, and why."""
    for each in files:
        text = tr(
            "{path}, line {line}: {message}", path=each.path, line=each.line, message=each.message
        )
        print(visible(text), file=sys.stderr)


def _line(found: FoundForm) -> _Line:
    form = found.form
    fields = tuple(
        _Field(
            field.name,
            field.label,
            field.type,
            field.required,
            field.help,
            field.example,
            field.default,
            field.choices,
        )
        for field in form.fields
    )
    return _Line(
        found.id,
        found.language,
        form.title,
        form.summary,
        form.purpose,
        form.task,
        form.version,
        found.is_own,
        form.review,
        str(found.path),
        fields,
    )
