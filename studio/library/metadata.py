"""The recipe inside the asset's own file: written when it is recorded, read back within bounds.

PNG: iTXt `prompt_studio` (the recipe as JSON), `parameters` (the text that A1111-family tools
read) or `postprocessing` for upscaling, and XMP with IPTC's digital source type. Text: a
front-matter block that is YAML and JSON at once. Nothing is decoded or encoded again.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import BinaryIO

import msgspec
from msgspec import Struct

from studio.library import png
from studio.library.interchange import (
    XMP_KEYWORD,
    a1111_text,
    postprocessing_text,
    says_generated,
    source_type,
    with_source,
)
from studio.library.prepare import input_of
from studio.protocol import (
    Recipe,
    Request,
    TextRequest,
    UpscaleRequest,
    problem,
    recipe_from_json,
    to_json,
)

RECIPE_KEYWORD = "prompt_studio"
_MAX_FRONT = 16 * 1024 * 1024
_XMP_SEARCH = 256 * 1024
_MAX_TEXT_FILE = 64 * 1024 * 1024
_RECIPE_LINE = f"{RECIPE_KEYWORD}: "
# Legal in JSON as they are, but not in YAML. They can only stand inside a string here.
_NOT_YAML = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


class Written(Struct, frozen=True):
    """What was written: bytes, and pixels or the answer."""

    size: int
    width: int | None = None
    height: int | None = None
    text: str = ""


def write_with_recipe(source: Path, target: Path, recipe: Recipe) -> Written:
    """Write `source` to the new file `target` with the recipe inside, and sync it to the disk.

    A text request's source is the plain answer in UTF-8. A PNG gets its chunks; any other
    picture is copied as it is. Raises `OSError`, and `ProblemError` (bug) when the engine's
    file is not what it should be.
    """
    with source.open("rb") as reader, target.open("xb") as writer:
        if isinstance(recipe.request, TextRequest):
            answer = reader.read().decode("utf-8", "replace")
            writer.write(front_matter(recipe).encode())
            writer.write(answer.encode())
            written = Written(0, text=answer)
        elif reader.read(8) == png.SIGNATURE:
            written = _write_png(reader, writer, recipe)
        else:
            reader.seek(0)
            while block := reader.read(1024 * 1024):
                writer.write(block)
            written = Written(0)
        writer.flush()
        os.fsync(writer.fileno())
        return msgspec.structs.replace(written, size=writer.tell())


def _write_png(reader: BinaryIO, writer: BinaryIO, recipe: Recipe) -> Written:
    def texts(old: dict[str, str]) -> dict[str, str]:
        new = {RECIPE_KEYWORD: to_json(recipe)}
        if isinstance(recipe.request, UpscaleRequest):
            new["postprocessing"] = postprocessing_text(recipe)
        else:
            new["parameters"] = a1111_text(recipe, width, height)
        new[XMP_KEYWORD] = with_source(old.get(XMP_KEYWORD, ""), _source_type(recipe.request))
        return new

    replaced = {RECIPE_KEYWORD, XMP_KEYWORD}
    # A picture made elsewhere keeps the prompt it came with when it is enlarged.
    replaced.add("postprocessing" if isinstance(recipe.request, UpscaleRequest) else "parameters")
    try:
        reader.seek(0)
        width, height = png.size(reader)
        reader.seek(0)
        png.copy_with_texts(reader, writer, texts, replaced)
    except png.PngError as error:
        raise problem(
            "bug",
            "The engine handed over a picture that is damaged. Please report this.",
            str(error),
        ) from error
    return Written(0, width=width, height=height)


def _source_type(request: Request) -> str:
    source = input_of(request)
    generated = source is not None and is_declared_generated(Path(source.path))
    return source_type(request, input_is_generated=generated)


def is_declared_generated(path: Path) -> bool:
    """Tell whether a picture says of itself that a model made it; False when it cannot tell."""
    try:
        with path.open("rb") as file:
            if file.read(8) == png.SIGNATURE:
                file.seek(0)
                return says_generated(png.read_texts(file, (XMP_KEYWORD, "parameters")))
            # XMP stands as plain text near the start of a JPEG, and anywhere in a WebP.
            head = file.read(_XMP_SEARCH).decode("latin-1")
            return says_generated({XMP_KEYWORD: head})
    except (OSError, png.PngError):
        return False


def front_matter(recipe: Recipe) -> str:
    """Return the block at the top of a text asset, up to and with the empty line."""
    request = recipe.request
    lines = ["---"]
    if isinstance(request, TextRequest):
        lines.append(f"prompt: {_scalar(request.prompt)}")
    lines.append(f"model: {_scalar(recipe.model_name or recipe.model_id)}")
    lines.append(f"seed: {recipe.seed}")
    lines.append(f"created: {_scalar(recipe.created)}")
    lines.append(f"digital_source_type: {_scalar(_source_type(recipe.request))}")
    lines.append(f"{_RECIPE_LINE}{_yaml_safe(to_json(recipe))}")
    return "\n".join([*lines, "---", "", ""])


def _scalar(text: str) -> str:
    return _yaml_safe(msgspec.json.encode(text).decode())


def _yaml_safe(text: str) -> str:
    return _NOT_YAML.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def read_recipe(path: Path) -> Recipe | None:
    """Return the recipe inside a file, or None where there is none that is whole and valid.

    Never reads more than a bounded part of the file, whatever the file claims, and never
    raises for what the file holds. Raises `OSError` when it cannot be read.
    """
    with path.open("rb") as file:
        start = file.read(8)
        file.seek(0)
        if start == png.SIGNATURE:
            text = png.read_texts(file, (RECIPE_KEYWORD,)).get(RECIPE_KEYWORD, "")
        elif start.startswith((b"---\n", b"---\r\n")):
            text = _front(file)[0]
        else:
            return None
    try:
        return recipe_from_json(text) if text else None
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return None


def read_text(path: Path) -> str:
    """Return the answer in a text asset, without the block at its top. Raises `OSError`."""
    with path.open("rb") as file:
        start = file.read(4)
        file.seek(0)
        if start == b"---\n" or start == b"---\r":
            recipe, offset = _front(file)
            file.seek(offset if recipe else 0)
        return file.read(_MAX_TEXT_FILE).decode("utf-8", "replace")


def read_found_picture_size(path: Path) -> tuple[int | None, int | None]:
    """Return width and height of a PNG, None where it is none. Raises `OSError`."""
    with path.open("rb") as file:
        try:
            return png.size(file)
        except png.PngError:
            return None, None


def _front(file: BinaryIO) -> tuple[str, int]:
    """Return the recipe's JSON in a front-matter block and where the answer begins."""
    recipe = ""
    file.readline(8)
    while file.tell() < _MAX_FRONT and (raw := file.readline(_MAX_FRONT)):
        line = raw.rstrip(b"\r\n")
        if line == b"---":
            offset = file.tell()
            is_empty = not file.readline(3).strip(b"\r\n")
            return recipe, file.tell() if is_empty else offset
        if line.startswith(_RECIPE_LINE.encode()):
            recipe = line.decode("utf-8", "replace").removeprefix(_RECIPE_LINE)
    return "", 0
