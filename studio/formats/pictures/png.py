"""Read texts from PNG chunks, with bounded reads, and copy a PNG with added texts.

All other chunks (pixels, colour profile, EXIF) are copied unchanged, without decoding them.
Format: https://www.w3.org/TR/png-3/#5DataRep and #11iTXt.
"""

from __future__ import annotations

import contextlib
import struct
import zlib
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, TypeAlias

from studio.formats.pictures import a1111, xmp
from studio.formats.pictures.embedded import AIGC, RECIPE, SVG, Content, Embedded

Chunk: TypeAlias = tuple[bytes, bytes]
"""Type (four letters) and data."""

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MAX_TEXT = 16 * 1024 * 1024
"""Maximum bytes of a text chunk, before and after decompression."""
_MAX_TEXTS = 24 * 1024 * 1024
"""Maximum bytes of all texts that are read from a file, stored and decompressed ones together."""
_MAX_LEADING = 16 * 1024 * 1024
_MAX_CHUNKS = 200_000
_MAX_OTHER_CHUNKS = 20_000
"""Maximum number of chunks without pixels."""
_BLOCK = 1024 * 1024
_CHUNK_HEAD = struct.Struct(">I4s")
_PIXELS = (b"IDAT", b"fdAT")
_TEXT_TYPES = (b"iTXt", b"tEXt", b"zTXt")
_A1111_KEYWORDS = (a1111.PARAMETERS, a1111.POSTPROCESSING)


class PngError(ValueError):
    """The file is not a PNG, or is truncated."""


def recognises(head: bytes) -> bool:
    """Return whether a file is a PNG."""
    return head.startswith(SIGNATURE)


def read(file: BinaryIO) -> Embedded:
    """Return recipe, label, XMP packet, A1111's texts and the drawing."""
    others = (*_A1111_KEYWORDS, SVG)
    texts = read_texts(file, (RECIPE, xmp.KEYWORD, AIGC, *others))
    packet = texts.get(xmp.KEYWORD, "")
    return Embedded(
        recipe=texts.get(RECIPE, ""),
        texts={keyword: texts[keyword] for keyword in others if keyword in texts},
        packet=packet,
        label=texts.get(AIGC, "") or xmp.value_of(packet, xmp.AIGC),
    )


def content(file: BinaryIO) -> Content:
    """Return width and height, None if the file is damaged."""
    try:
        width, height = size(file)
    except PngError:
        return Content()
    return Content(width, height)


def write(source: BinaryIO, target: BinaryIO, embedded: Embedded) -> Content:
    """Copy a PNG, inserting recipe and texts before the pixels. Raises `PngError`."""
    width, height = size(source)
    packet = embedded.packet
    if embedded.label:
        packet = xmp.with_value(packet, xmp.AIGC, xmp.AIGC_NAMESPACE, embedded.label)
    texts = {
        RECIPE: embedded.recipe,
        **embedded.texts,
        AIGC: embedded.label,
        xmp.KEYWORD: packet,
    }
    source.seek(0)
    _copy_with_texts(source, target, {name: text for name, text in texts.items() if text})
    return Content(width, height)


def text_chunk(keyword: str, text: str) -> bytes:
    """Return a complete iTXt chunk, uncompressed for the sake of simple readers."""
    body = keyword.encode("latin-1") + b"\0\0\0\0\0" + text.encode("utf-8")
    return chunk(b"iTXt", body)


def chunk(kind: bytes, body: bytes) -> bytes:
    """Return a complete chunk: length, type, data and checksum."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", _checksum(kind, body))


def _checksum(kind: bytes, body: bytes) -> int:
    return zlib.crc32(body, zlib.crc32(kind))


def chunk_headers(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """Yield type and length of each chunk, with the file positioned at the chunk's data.

    The caller may move the file position. Raises `PngError`.
    """
    if file.read(8) != SIGNATURE:
        raise PngError("not a PNG file")
    start = file.tell()
    others = 0
    for _ in range(_MAX_CHUNKS):
        head = file.read(8)
        if len(head) < 8:
            raise PngError("the file ends before its last chunk")
        length, kind = _CHUNK_HEAD.unpack(head)
        others += kind not in _PIXELS
        if others > _MAX_OTHER_CHUNKS:
            break
        yield kind, length
        if kind == b"IEND":
            return
        # `tell` would be a system call for each chunk, of which there may be many.
        start += 8 + length + 4
        file.seek(start)
    raise PngError("too many chunks")


def size(file: BinaryIO) -> tuple[int, int]:
    """Return width and height in pixels. Raises `PngError`."""
    for kind, length in chunk_headers(file):
        if kind != b"IHDR" or length != 13:
            break
        sides = file.read(8)
        if len(sides) < 8:
            break
        width, height = struct.unpack(">II", sides)
        return width, height
    raise PngError("no whole IHDR chunk at the start")


def read_exif(file: BinaryIO) -> bytes:
    """Return the EXIF block, empty if there is none or it is overlong."""
    with contextlib.suppress(PngError):
        for kind, length in chunk_headers(file):
            if kind == b"eXIf" and length <= MAX_TEXT:
                return file.read(length)
    return b""


def read_texts(file: BinaryIO, keywords: Collection[str]) -> dict[str, str]:
    """Return the texts with the given keywords, without overlong and damaged ones.

    Texts after the pixels are included. A truncated file yields the texts before its end, and one
    with too much text those up to the limit. Raises `PngError` if the file is not a PNG.
    """
    by_bytes = {keyword.encode("latin-1"): keyword for keyword in keywords}
    found: dict[str, str] = {}
    left = _MAX_TEXTS
    try:
        for kind, length in chunk_headers(file):
            if kind not in _TEXT_TYPES or length > MAX_TEXT:
                continue
            head = file.read(min(length, 80))
            keyword = by_bytes.get(head.partition(b"\0")[0])
            if keyword is None:
                continue
            left -= length
            if left <= 0:
                break
            body = head + file.read(length - len(head))
            data, is_whole = _text_bytes(kind, body, min(left, MAX_TEXT))
            left -= len(data)
            text = _decoded(kind, data) if is_whole else None
            if text is not None:
                found[keyword] = text
    except PngError:
        if file.seek(0) or file.read(8) != SIGNATURE:
            raise
    return found


def _text_bytes(kind: bytes, body: bytes, most: int) -> tuple[bytes, bool]:
    """Return up to `most` bytes of a chunk's text, and whether it is the whole text."""
    rest = body.partition(b"\0")[2]
    if kind == b"tEXt":
        return rest, True
    if kind == b"zTXt":
        return _inflate(rest[1:], most)
    compressed, rest = rest[:1] == b"\1", rest[2:]
    data = rest.partition(b"\0")[2].partition(b"\0")[2]
    return _inflate(data, most) if compressed else (data, True)


def _decoded(kind: bytes, data: bytes) -> str | None:
    try:
        return data.decode("utf-8" if kind == b"iTXt" else "latin-1")
    except UnicodeDecodeError:
        return None


def _inflate(data: bytes, most: int) -> tuple[bytes, bool]:
    """Decompress up to `most` bytes. Damaged data and zip bombs are not whole."""
    stream = zlib.decompressobj()
    try:
        result = stream.decompress(data, most)
    except zlib.error:
        return b"", False
    return result, stream.eof


def leading_chunks(path: Path, types: frozenset[bytes], max_bytes: int = 1_000_000) -> list[Chunk]:
    """Return the chunks of the given types before a PNG's pixels; none for other files.

    Damaged chunks and those with more than `max_bytes` are left out.
    """
    found: list[Chunk] = []
    left = _MAX_LEADING
    with path.open("rb") as file, contextlib.suppress(PngError):
        for kind, length in chunk_headers(file):
            if kind == b"IDAT":
                break
            if kind in types and length <= min(max_bytes, left):
                left -= length
                data, checksum = file.read(length), file.read(4)
                if checksum == struct.pack(">I", _checksum(kind, data)):
                    found.append((kind, data))
    return found


def _copy_with_texts(source: BinaryIO, target: BinaryIO, texts: Mapping[str, str]) -> None:
    """Copy a PNG, inserting texts before the pixels and dropping existing ones of that keyword.

    Raises `PngError` if the source is not a complete PNG.
    """
    replaced = {keyword.encode("latin-1") for keyword in texts}
    added = False
    target.write(SIGNATURE)
    for kind, length in chunk_headers(source):
        if kind == b"IDAT" and not added:
            for keyword, text in texts.items():
                target.write(text_chunk(keyword, text))
            added = True
        start = source.tell()
        if kind in _TEXT_TYPES:
            keyword_bytes = source.read(min(length, 80)).partition(b"\0")[0]
            source.seek(start)
            if keyword_bytes in replaced:
                continue
        source.seek(start - 8)
        _copy(source, target, 12 + length)
    if not added:
        raise PngError("the file has no pixels")


def _copy(source: BinaryIO, target: BinaryIO, count: int) -> None:
    while count:
        block = source.read(min(count, _BLOCK))
        if not block:
            raise PngError("the file ends in the middle of a chunk")
        target.write(block)
        count -= len(block)
