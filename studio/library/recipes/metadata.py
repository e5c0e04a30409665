"""The recipe inside the asset's own file: written when it is recorded, read back within bounds.

Where it stands in a file, and what other programs read beside it, is up to the formats
(`formats/embedded.py`): PNG texts and XMP, front matter, the XMP that an export gives to a JPEG
or WebP. Nothing is decoded or encoded again.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import msgspec
from msgspec import Struct

from studio.formats.aigc import AigcLabel
from studio.formats.embedded import Content, Embedded
from studio.formats.recipe_files import PLAIN_TEXT, read_content, read_embedded, writable_format
from studio.kinds.coding import recipe_from_json, to_json
from studio.kinds.kind import Medium
from studio.kinds.registry import known_kind, medium_of
from studio.kinds.requests import has_prompt, inputs_of, prompt_of
from studio.library.recipes.source_type import says_generated, source_type, with_source
from studio.protocol import Recipe, Request, UnknownRequest, problem


class Written(Struct, frozen=True):
    """What was written: bytes, and what the file holds."""

    size: int
    content: Content


def write_with_recipe(
    source: Path, target: Path, recipe: Recipe, label: AigcLabel | None = None
) -> Written:
    """Write `source` to the new file `target` with the recipe inside, and sync it to the disk.

    A text request's source is the plain answer in UTF-8. A file of a format that takes no
    recipe is copied as it is. Raises `OSError`, and `ProblemError` (bug) when the engine's file
    is not what it should be.
    """
    with source.open("rb") as reader, target.open("xb") as writer:
        is_text = medium_of(recipe.request.task) is Medium.TEXT
        form = PLAIN_TEXT if is_text else writable_format(reader)
        if form is None:
            shutil.copyfileobj(reader, writer)
            content = Content()
        else:
            old, held = Embedded(), Content()
            if not is_text:
                old = form.read(reader)
                reader.seek(0)
                held = form.content(reader)
                reader.seek(0)
            try:
                content = form.write(reader, writer, _embedded(recipe, label, old, held))
            except ValueError as error:
                raise problem(
                    "bug",
                    "The engine returned a damaged picture. Please report this.",
                    str(error),
                ) from error
        writer.flush()
        os.fsync(writer.fileno())
        return Written(writer.tell(), content)


def _embedded(recipe: Recipe, label: AigcLabel | None, old: Embedded, content: Content) -> Embedded:
    """Return what is put into a result, given what the engine's file carries and holds already.

    Other texts stay: a picture made elsewhere keeps its prompt when it is enlarged.
    """
    request = recipe.request
    source = source_type_of(request)
    text = embedded_text(recipe, content.width or 0, content.height or 0)
    prompt = {"prompt": prompt_of(request)} if has_prompt(request) else {}
    return Embedded(
        recipe=to_json(recipe),
        texts=dict([text]) if text is not None else {},
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
    """Return keyword and text that other programs read in a picture, None where there is none."""
    kind = known_kind(recipe.request.task)
    if kind is None or isinstance(recipe.request, UnknownRequest):
        return None
    return kind.embedded_text(recipe, width, height)


def source_type_of(request: Request) -> str:
    """Return the IPTC term for a result of `request`, with a look at the picture it read."""
    source = next(iter(inputs_of(request).values()), None)
    generated = source is not None and is_declared_generated(Path(source.path))
    return source_type(request, input_is_generated=generated)


def is_declared_generated(path: Path) -> bool:
    """Tell whether a picture says of itself that a model made it; False when it cannot tell."""
    try:
        return says_generated(read_embedded(path))
    except OSError:
        return False


def read_recipe(path: Path) -> Recipe | None:
    """Return the recipe inside a file, or None where there is none that is whole and valid.

    Never reads more than a bounded part of the file, whatever the file claims, and never
    raises for what the file holds. Raises `OSError` when it cannot be read.
    """
    text = read_embedded(path).recipe
    try:
        return recipe_from_json(text) if text else None
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return None


def read_text(path: Path) -> str:
    """Return the answer in a text asset, without the block at its top. Raises `OSError`."""
    return read_content(path).text
