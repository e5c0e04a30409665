"""Write recipes into result files, without encoding the content again, and read them back.

The formats (`formats/pictures/embedded.py`) decide where a recipe is stored, and which metadata for
other programs is added: PNG texts and XMP, front matter, tags of sounds, or XMP in JPEG and
WebP files that were exported.
"""

from __future__ import annotations

import os
import shutil
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import msgspec
from msgspec import Struct

from studio.formats.pictures.embedded import Content, Embedded
from studio.formats.recipes.aigc import AigcLabel
from studio.formats.recipes.recipe_files import (
    PLAIN_TEXT,
    read_content,
    read_embedded,
    writable_format,
)
from studio.formats.suffixes import TEXTS
from studio.kinds.coding import recipe_from_json, to_json
from studio.kinds.kind import Medium
from studio.kinds.registry import kind_if_known, medium_of
from studio.kinds.requests import has_prompt, input_files, prompt_of
from studio.library.recipes.source_type import (
    COMPOSITE,
    is_generated,
    source_type,
    uses_models,
    with_source,
)
from studio.protocol import Recipe, Request, problem

_MAX_READ = 500
"""Input files of one result that are read to learn whether they are generated."""


class WriteResult(Struct, frozen=True):
    """The size of a written file in bytes, and its content's properties."""

    size: int
    content: Content


def write_with_recipe(
    source: Path, target: Path, recipe: Recipe, label: AigcLabel | None = None
) -> WriteResult:
    """Copy `source` to the new file `target` with the recipe inside, and sync it.

    The source of a text result is the plain answer in UTF-8, or (.md) has front matter with the
    words' times. Files of formats that cannot store a recipe are copied unchanged. Raises
    `OSError`, and `ProblemError` (bug) if the engine's file is damaged.
    """
    with source.open("rb") as reader, target.open("xb") as writer:
        is_text = medium_of(recipe.request.task) is Medium.TEXT
        is_plain = is_text and source.suffix not in TEXTS
        file_format = PLAIN_TEXT if is_text else writable_format(reader)
        if file_format is None:
            shutil.copyfileobj(reader, writer)
            content = Content()
        else:
            old, old_content = Embedded(), Content()
            body: BinaryIO = reader
            if not is_plain:
                old = file_format.read(reader)
                reader.seek(0)
                old_content = file_format.content(reader)
                reader.seek(0)
            if is_text and not is_plain:
                body = BytesIO(old_content.text.encode())
            embedded = _embedded(recipe, label, old, old_content)
            try:
                content = file_format.write(body, writer, embedded)
            except ValueError as error:
                raise problem(
                    "bug",
                    "The engine returned a damaged file. Please report this.",
                    str(error),
                ) from error
        writer.flush()
        os.fsync(writer.fileno())
        return WriteResult(writer.tell(), content)


def _embedded(recipe: Recipe, label: AigcLabel | None, old: Embedded, content: Content) -> Embedded:
    """Return the metadata for a result, given the metadata and content of the engine's file."""
    request = recipe.request
    source = source_type_of(request)
    if source == COMPOSITE:
        label = None
    text = embedded_text(recipe, content.width or 0, content.height or 0)
    kept = old.texts if medium_of(request.task) is Medium.TEXT else {}
    prompt = {"prompt": prompt_of(request)} if has_prompt(request) else {}
    return Embedded(
        recipe=to_json(recipe),
        texts=dict([text]) if text is not None else kept,
        packet=with_source(old.packet, source),
        label=label.json(old.label, f"{recipe.job}-{recipe.row}") if label is not None else "",
        facts={
            **prompt,
            "model": recipe.model_name or recipe.model_id,
            "seed": recipe.seed,
            "created": recipe.created,
            "digital_source_type": source,
        },
    )


def embedded_text(recipe: Recipe, width: int, height: int) -> tuple[str, str] | None:
    """Return the keyword and text for other programs in a picture, None if there is none."""
    kind = kind_if_known(recipe.request)
    return None if kind is None else kind.embedded_text(recipe, width, height)


def source_type_of(request: Request) -> str:
    """Return the IPTC source type of a result, reading the request's input files if it has some."""
    files = input_files(request)
    read = files[:1] if uses_models(request) else files[:_MAX_READ]
    generated = any(is_declared_generated(Path(file.path)) for file in read)
    return source_type(request, input_is_generated=generated)


def is_declared_generated(path: Path) -> bool:
    """Return whether a picture's metadata declares it as generated, False if unreadable."""
    try:
        return is_generated(read_embedded(path))
    except OSError:
        return False


def read_recipe(path: Path) -> Recipe | None:
    """Return the recipe in a file, or None if there is no valid one.

    Reads a bounded part of the file and tolerates any content. Raises `OSError` if the file
    cannot be read.
    """
    text = read_embedded(path).recipe
    try:
        return recipe_from_json(text) if text else None
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return None


def read_text(path: Path) -> str:
    """Return the answer in a text file, without the front matter. Raises `OSError`."""
    return read_content(path).text
