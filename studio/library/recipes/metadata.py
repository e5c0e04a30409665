"""The recipe inside the asset's own file: written when it is recorded, read back within bounds.

PNG: iTXt `prompt_studio` (the recipe as JSON), `parameters` (the text that A1111-family tools
read) or `postprocessing` for upscaling, and XMP with IPTC's digital source type. Text: a
front-matter block that is YAML and JSON at once. Nothing is decoded or encoded again. JPEG and
WebP, which only an export makes (convert.py), have the recipe in their XMP. Where the user wants
the AIGC label (aigc.py), it is written as a text and XMP property, or into the front matter.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import BinaryIO

import msgspec
from msgspec import Struct

from studio.formats import a1111, jpeg, png, webp, xmp
from studio.kinds.coding import recipe_from_json, to_json
from studio.kinds.kind import Medium
from studio.kinds.registry import known_kind, medium_of
from studio.kinds.requests import has_prompt, inputs_of, prompt_of
from studio.library.recipes import aigc
from studio.library.recipes.aigc import AigcLabel
from studio.library.recipes.source_type import says_generated, source_type, with_source
from studio.protocol import Recipe, Request, problem

RECIPE_KEYWORD = "prompt_studio"
_MAX_FRONT = 16 * 1024 * 1024
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


def write_with_recipe(
    source: Path, target: Path, recipe: Recipe, label: AigcLabel | None = None
) -> Written:
    """Write `source` to the new file `target` with the recipe inside, and sync it to the disk.

    A text request's source is the plain answer in UTF-8. A PNG gets its chunks; any other
    picture is copied as it is. Raises `OSError`, and `ProblemError` (bug) when the engine's
    file is not what it should be.
    """
    with source.open("rb") as reader, target.open("xb") as writer:
        if medium_of(recipe.request.task) is Medium.TEXT:
            answer = reader.read().decode("utf-8", "replace")
            writer.write(front_matter(recipe, label).encode())
            writer.write(answer.encode())
            written = Written(0, text=answer)
        elif reader.read(8) == png.SIGNATURE:
            written = _write_png(reader, writer, recipe, label)
        else:
            reader.seek(0)
            while block := reader.read(1024 * 1024):
                writer.write(block)
            written = Written(0)
        writer.flush()
        os.fsync(writer.fileno())
        return msgspec.structs.replace(written, size=writer.tell())


def _write_png(
    reader: BinaryIO, writer: BinaryIO, recipe: Recipe, label: AigcLabel | None
) -> Written:
    def texts(old: dict[str, str]) -> dict[str, str]:
        new = {RECIPE_KEYWORD: to_json(recipe)}
        if embedded is not None:
            keyword, text = embedded
            new[keyword] = text
        packet = with_source(old.get(xmp.KEYWORD, ""), source_type_of(recipe.request))
        if label is not None:
            was = old.get(aigc.KEYWORD, "") or xmp.value_of(packet, xmp.AIGC)
            new[aigc.KEYWORD] = label.over(was, _number(recipe))
            packet = xmp.with_value(packet, xmp.AIGC, xmp.AIGC_NAMESPACE, new[aigc.KEYWORD])
        new[xmp.KEYWORD] = packet
        return new

    replaced = {RECIPE_KEYWORD, xmp.KEYWORD}
    if label is not None:
        replaced.add(aigc.KEYWORD)
    try:
        reader.seek(0)
        width, height = png.size(reader)
        embedded = embedded_text(recipe, width, height)
        if embedded is not None:
            # Other texts stay: a picture made elsewhere keeps its prompt when it is enlarged.
            replaced.add(embedded[0])
        reader.seek(0)
        png.copy_with_texts(reader, writer, texts, replaced)
    except png.PngError as error:
        raise problem(
            "bug",
            "The engine handed over a picture that is damaged. Please report this.",
            str(error),
        ) from error
    return Written(0, width=width, height=height)


def embedded_text(recipe: Recipe, width: int, height: int) -> tuple[str, str] | None:
    """Return keyword and text that other programs read in a picture, None where there is none."""
    kind = known_kind(recipe.request.task)
    return kind.embedded_text(recipe, width, height) if kind is not None else None


def _number(recipe: Recipe) -> str:
    return f"{recipe.job}-{recipe.row}"


def source_type_of(request: Request) -> str:
    """Return the IPTC term for a result of `request`, with a look at the picture it read."""
    source = next(iter(inputs_of(request).values()), None)
    generated = source is not None and is_declared_generated(Path(source.path))
    return source_type(request, input_is_generated=generated)


def is_declared_generated(path: Path) -> bool:
    """Tell whether a picture says of itself that a model made it; False when it cannot tell."""
    try:
        return says_generated(texts_of(path))
    except OSError:
        return False


def texts_of(path: Path) -> dict[str, str]:
    """Return a picture's XMP packet (by `xmp.KEYWORD`) and A1111 texts, where it has them.

    Of a JPEG or WebP it is the XMP alone. Raises `OSError`.
    """
    with path.open("rb") as file:
        start = file.read(len(png.SIGNATURE))
        file.seek(0)
        if start == png.SIGNATURE:
            return png.read_texts(file, (xmp.KEYWORD, a1111.PARAMETERS, a1111.POSTPROCESSING))
        packets = _packets(file)
        return {xmp.KEYWORD: packets[0]} if packets else {}


def _packets(file: BinaryIO) -> list[str]:
    """Return the XMP packets of a JPEG or WebP, none of any other file."""
    start = file.read(12)
    file.seek(0)
    try:
        if start.startswith(jpeg.SIGNATURE):
            return jpeg.read_packets(file)
        return [webp.read_packet(file)] if webp.is_webp(start) else []
    except (jpeg.JpegError, webp.WebpError):
        return []


def front_matter(recipe: Recipe, label: AigcLabel | None = None) -> str:
    """Return the block at the top of a text asset, up to and with the empty line."""
    request = recipe.request
    lines = ["---"]
    if has_prompt(request):
        lines.append(f"prompt: {_scalar(prompt_of(request))}")
    lines.append(f"model: {_scalar(recipe.model_name or recipe.model_id)}")
    lines.append(f"seed: {recipe.seed}")
    lines.append(f"created: {_scalar(recipe.created)}")
    lines.append(f"digital_source_type: {_scalar(source_type_of(recipe.request))}")
    if label is not None:
        lines.append(f"{aigc.KEYWORD}: {yaml_safe(label.over('', _number(recipe)))}")
    lines.append(f"{_RECIPE_LINE}{yaml_safe(to_json(recipe))}")
    return "\n".join([*lines, "---", "", ""])


def _scalar(text: str) -> str:
    return yaml_safe(msgspec.json.encode(text).decode())


def yaml_safe(text: str) -> str:
    """Return JSON with the characters escaped that YAML cannot hold, nor XML."""
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
            found = (xmp.value_of(packet, xmp.RECIPE) for packet in _packets(file))
            text = next((value for value in found if value), "")
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
    """Return width and height of a PNG, JPEG or WebP, None for others. Raises `OSError`."""
    with path.open("rb") as file:
        for size in (png.size, jpeg.size, webp.size):
            file.seek(0)
            try:
                return size(file)
            except (png.PngError, jpeg.JpegError, webp.WebpError):
                continue
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
