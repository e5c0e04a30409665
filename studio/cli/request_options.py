"""Options of a kind's command from the fields of its request, and requests from options."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from textwrap import shorten
from typing import Any

import msgspec

from studio.cli.language import tr
from studio.formats.suffixes import files_in
from studio.formats.text_encoding import decode
from studio.formats.untrusted_files import is_file, is_folder, is_unicode, open_regular, user_path
from studio.jobs.input_check import input_problem
from studio.jobs.text_files import text_or_file
from studio.kinds.coding import request_from_fields
from studio.kinds.field_errors import field_of, field_sentence
from studio.kinds.fields import Field
from studio.kinds.kind import Medium
from studio.kinds.registry import AnyKind, suffixes_of
from studio.kinds.requests import input_files
from studio.protocol import MAX_PROMPT_LENGTH, ProblemError, Request, problem, sentence

_SIZE = ("width", "height")
_METAVARS = {"prompt": "PROMPT", "model": "ID", "seed": "S"}
_METAVARS_OF_TYPES = {"integer": "N", "number": "N", "string": "TEXT", "file": "FILE"}


def add_options(command: argparse.ArgumentParser, kind: AnyKind) -> None:
    """Add an option for each field with flags, and `FILE...` for a required file."""
    for field in kind.fields.values():
        if field.type in ("file", "files") and field.required:
            command.add_argument("files", nargs="+", metavar="FILE", help=_help(field))
        elif field.type == "boolean" and field.flags:
            command.add_argument(
                *field.flags, dest=field.name, action="store_true", default=None, help=_help(field)
            )
        elif field.type == "adapters" and field.flags:
            command.add_argument(
                *field.flags,
                dest=field.name,
                action="append",
                default=None,
                metavar="NAME[:WEIGHT]",
                help=_help(field),
            )
        elif field.type == "strings" and field.flags:
            command.add_argument(
                *field.flags,
                dest=field.name,
                action="append",
                default=None,
                metavar="TEXT",
                help=_help(field),
            )
        elif field.name == "prompt" and field.required:
            which = command.add_mutually_exclusive_group(required=True)
            which.add_argument(
                *field.flags, dest="prompt", metavar=_metavar(field), help=_help(field)
            )
            which.add_argument(
                "--file",
                dest="prompt_file",
                metavar="FILE",
                help=tr("read the prompt from a text file"),
            )
        elif field.flags:
            command.add_argument(
                *field.flags,
                dest=field.name,
                default=None,
                required=field.required,
                metavar=_metavar(field),
                help=_help(field),
            )
    if "sources" in kind.fields:
        add_document_options(command)
    if kind.fields.keys() >= set(_SIZE):
        command.add_argument(
            "--size", default=None, metavar="WxH", help=tr("in pixels, e.g. 768x512")
        )


def add_document_options(command: argparse.ArgumentParser) -> None:
    """Add the options that name documents."""
    command.add_argument(
        "--document",
        dest="documents",
        action="append",
        default=[],
        metavar="FILE|FOLDER",
        help=tr(
            "answer from this document (PDF, Word, PowerPoint, EPUB, HTML, text), or from all"
            " in a folder; can be given several times"
        ),
    )
    command.add_argument(
        "--collection",
        dest="collections",
        action="append",
        default=[],
        metavar="NAME",
        help=tr("answer from a collection of documents (see `studio documents`)"),
    )
    add_embedder_option(command)


def add_embedder_option(command: argparse.ArgumentParser) -> None:
    """Add the option that names the model which searches by meaning."""
    command.add_argument(
        "--embedder",
        default="",
        metavar="ID",
        help=tr(
            "the model that searches documents by meaning, by default the one that is installed; "
            '"none" searches by words only'
        ),
    )


def requests_of(
    options: argparse.Namespace,
    kind: AnyKind,
    leave_out: Callable[[Path], object] = lambda _: None,
) -> Sequence[Request]:
    """Return the requests of a call: one for each file of `FILE...`, or one for all of them.

    `leave_out` is called for each file in a given folder whose name cannot be stored.
    Raises `ProblemError` (bad_input) if an option is invalid.
    """
    given: dict[str, Any] = {"task": kind.task}
    for field in kind.fields.values():
        value = getattr(options, field.name, None) if field.flags else None
        if value is None:
            continue
        if field.name == "prompt":
            value = _prompt(value)
        if field.at_file:
            value = value[1:] if value.startswith("@@") else _text_at(value)
        if field.reads_file:
            value = text_or_file(value, field.max_length or MAX_PROMPT_LENGTH)
        given[field.name] = _file_fields(Path(value)) if field.type == "file" else value
    if getattr(options, "prompt_file", None) is not None:
        given["prompt"] = _text_of(user_path(options.prompt_file))
    prompt = kind.fields.get("prompt")
    default = prompt.default if prompt is not None else None
    if kind.needs_prompt and not str(given.get("prompt", default) or "").strip():
        raise problem("bad_input", "The prompt is empty. Give one with -p.")
    given |= _size(getattr(options, "size", None))
    required = [
        field
        for field in kind.fields.values()
        if field.type in ("file", "files") and field.required
    ]
    if not required:
        request = _request(given, kind)
        for source in input_files(request):
            _check_input(Path(source.path), kind)
        return [request]
    given_paths = [user_path(file) for file in options.files]
    if required[0].type == "files":
        found = [_file_fields(file) for file in _input_files(given_paths, kind, leave_out)]
        request = _request({**given, required[0].name: found}, kind)
        for source in input_files(request):
            _file(Path(source.path))
        return [request]
    requests = [
        _request({**given, required[0].name: _file_fields(file)}, kind)
        for file in _input_files(given_paths, kind, leave_out)
    ]
    # Files given by name must be readable. In folders, unreadable ones fail on their own.
    for file in given_paths:
        if is_file(file):
            _check_input(file, kind)
    return requests


def _metavar(field: Field) -> str:
    if field.reads_file:
        return "FILE|JSON"
    if field.at_file:
        return "TEXT|@FILE"
    if field.choices:
        return "|".join(str(choice) for choice in field.choices)
    return _METAVARS.get(field.name) or _METAVARS_OF_TYPES[field.type]


def _help(field: Field) -> str:
    """Return the help text of a field with its range and default."""
    if field.name == "prompt":
        return tr("the prompt; - reads standard input, @FILE a file")
    text = tr(field.help or field.label)
    span, default = _range(field), ""
    if field.default not in (None, "", ()) and field.type != "boolean":
        default = tr("default {value}", value=field.default)
    if span and default:
        text = tr("{text} ({range}, {default})", text=text, range=span, default=default)
    elif span or default:
        text = tr("{text} ({note})", text=text, note=span or default)
    # argparse expands % placeholders. Its own texts begin in lower case.
    return f"{text[:1].lower()}{text[1:]}".replace("%", "%%")


def _range(field: Field) -> str:
    if field.minimum is None or field.maximum is None:
        return ""
    least, most = f"{field.minimum:.10g}", f"{field.maximum:.10g}"
    if field.exclusive_minimum:
        return tr("above {least} to {most}", least=least, most=most)
    return tr("{least} to {most}", least=least, most=most)


def _request(fields: dict[str, Any], kind: AnyKind) -> Request:
    try:
        request = request_from_fields(fields)
    except msgspec.ValidationError as error:
        name = field_of(error)
        raise problem(
            "bad_input",
            "{option} {value} is not valid: {reason}",
            option=_option(kind, name),
            value=_shown(fields.get(name, "")),
            reason=field_sentence(error, kind.fields, sentence("it")),
        ) from error
    for name, reason in kind.check(request):
        raise problem("bad_input", "{option}: {reason}", option=_option(kind, name), reason=reason)
    return request


def _option(kind: AnyKind, name: str) -> str:
    if name in _SIZE:
        return "--size"
    field = kind.fields.get(name)
    return field.flags[0] if field is not None and field.flags else name


def _prompt(text: str) -> str:
    """Return the prompt: `-` reads standard input, `@FILE` a file; `@@` stands for one @."""
    if text.startswith("@@"):
        return text[1:]
    if text != "-" and not text.startswith("@"):
        return text
    try:
        data = sys.stdin.buffer.read() if text == "-" else _read(Path(text[1:]))
        return data.decode("utf-8-sig").rstrip("\r\n")
    except OSError as error:
        raise problem(
            "bad_input",
            "The prompt cannot be read from {path}: {reason}. To begin a prompt with @, write @@.",
            path=text[1:],
            reason=error.strerror or type(error).__name__,
        ) from error
    except UnicodeDecodeError as error:
        raise problem(
            "bad_input", "The prompt is not UTF-8 text. Save the file as UTF-8."
        ) from error


def _text_at(value: str) -> str:
    """Return the text in the file of `@FILE`, and any other text as it is."""
    return _text_of(user_path(value[1:])) if value.startswith("@") else value


def _text_of(path: Path) -> str:
    """Return the text in a file of any common encoding."""
    try:
        decoded = decode(_read(path))
    except OSError as error:
        raise problem(
            "bad_input",
            "{path} cannot be read ({reason}).",
            path=path,
            reason=error.strerror or type(error).__name__,
        ) from error
    if decoded is None:
        raise problem(
            "bad_input",
            "{path} is not a text file. Save the text as plain text in UTF-8.",
            path=path,
        )
    return decoded.text.strip()


def _read(path: Path) -> bytes:
    with open_regular(path) as file:
        return file.read()


def _shown(value: object) -> str:
    """Return what was given for an option, as it was given, for a message."""
    text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return repr(shorten(text, 60, placeholder="…"))


def _size(text: str | None) -> dict[str, str]:
    if text is None:
        return {}
    width, cross, height = text.lower().replace("×", "x").partition("x")
    if not cross or not width.strip().isdigit() or not height.strip().isdigit():
        raise problem(
            "bad_input", "--size {size} is not a size. Write it like 768x512.", size=repr(text)
        )
    return {"width": width.strip(), "height": height.strip()}


def _file_fields(path: Path) -> dict[str, str]:
    return {"path": str(path.absolute())}


def _file(path: Path) -> Path:
    if not is_file(path):
        raise problem("bad_input", "The file {path} does not exist.", path=path)
    return path.absolute()


def _check_input(path: Path, kind: AnyKind) -> None:
    found = input_problem(_file(path), kind.accepted)
    if found is not None:
        raise ProblemError(found)


def _input_files(
    paths: Sequence[Path], kind: AnyKind, leave_out: Callable[[Path], object]
) -> list[Path]:
    """Return the given files and all of the kind's below the given folders, each once."""
    suffixes = tuple(suffix for medium in kind.accepted for suffix in suffixes_of(medium))
    found: list[Path] = []
    for path in paths:
        if is_folder(path):
            inside = []
            for file in files_in(path, suffixes):
                if is_unicode(file):
                    inside.append(file)
                else:
                    leave_out(file)
            if not inside and kind.accepts is Medium.PICTURE:
                raise problem("bad_input", "There are no pictures in {path}.", path=path)
            if not inside:
                raise problem("bad_input", "There are no suitable files in {path}.", path=path)
            found.extend(file.absolute() for file in inside)
        else:
            found.append(_file(path))
    return list(dict.fromkeys(found))
