"""PNG chunks: recipe and texts read within bounds, and a file copied with texts added, streamed.

Nothing is decoded: pixels, colour profile, EXIF and every chunk of others go through byte by
byte. Format: https://www.w3.org/TR/png-3/#5DataRep and #11iTXt.
"""

from __future__ import annotations

import contextlib
import struct
import zlib
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, TypeAlias

from studio.formats import a1111, xmp
from studio.formats.embedded import AIGC, RECIPE, Content, Embedded

Chunk: TypeAlias = tuple[bytes, bytes]
"""Four letters of type, and data."""

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MAX_TEXT = 16 * 1024 * 1024
"""Bytes of text that are read from one chunk, before and after decompression."""
_MAX_CHUNKS = 200_000
_BLOCK = 1024 * 1024
_TEXT_TYPES = (b"iTXt", b"tEXt", b"zTXt")
_FOR_OTHERS = (a1111.PARAMETERS, a1111.POSTPROCESSING)


class PngError(ValueError):
    """The bytes are no PNG, or its chunks are cut short."""


def recognises(head: bytes) -> bool:
    """Tell from its first bytes whether a file is a PNG."""
    return head.startswith(SIGNATURE)


def read(file: BinaryIO) -> Embedded:
    """Return recipe, label, XMP packet and the texts of A1111."""
    texts = read_texts(file, (RECIPE, xmp.KEYWORD, AIGC, *_FOR_OTHERS))
    packet = texts.get(xmp.KEYWORD, "")
    return Embedded(
        recipe=texts.get(RECIPE, ""),
        texts={keyword: texts[keyword] for keyword in _FOR_OTHERS if keyword in texts},
        packet=packet,
        label=texts.get(AIGC, "") or xmp.value_of(packet, xmp.AIGC),
    )


def content(file: BinaryIO) -> Content:
    """Return width and height, none where the file is damaged."""
    try:
        width, height = size(file)
    except PngError:
        return Content()
    return Content(width, height)


def write(source: BinaryIO, target: BinaryIO, embedded: Embedded) -> Content:
    """Copy a PNG with its recipe and texts before the pixels. Raises `PngError`."""
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
    """Return a whole iTXt chunk, uncompressed, so that simple readers find it."""
    body = keyword.encode("latin-1") + b"\0\0\0\0\0" + text.encode("utf-8")
    return chunk(b"iTXt", body)


def chunk(kind: bytes, body: bytes) -> bytes:
    """Return a whole chunk: length, type, data and checksum."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", _checksum(kind, body))


def _checksum(kind: bytes, body: bytes) -> int:
    return zlib.crc32(body, zlib.crc32(kind))


def chunk_headers(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """Yield type and length of each chunk; the file stands at the chunk's data.

    The next one is found wherever the file was left. Raises `PngError`.
    """
    if file.read(8) != SIGNATURE:
        raise PngError("not a PNG file")
    for _ in range(_MAX_CHUNKS):
        head = file.read(8)
        if len(head) < 8:
            raise PngError("the file ends before its last chunk")
        length, kind = struct.unpack(">I4s", head)
        start = file.tell()
        yield kind, length
        if kind == b"IEND":
            return
        file.seek(start + length + 4)
    raise PngError("too many chunks")


def size(file: BinaryIO) -> tuple[int, int]:
    """Return width and height in pixels. Raises `PngError`."""
    for kind, length in chunk_headers(file):
        if kind != b"IHDR" or length != 13:
            break
        width, height = struct.unpack(">II", file.read(8))
        return width, height
    raise PngError("no IHDR chunk at the start")


def longest_text(file: BinaryIO) -> int:
    """Return the bytes of the longest text chunk, as stored; 0 where it is no PNG."""
    longest = 0
    with contextlib.suppress(PngError):
        for kind, length in chunk_headers(file):
            if kind in _TEXT_TYPES:
                longest = max(longest, length)
    return longest


def read_texts(file: BinaryIO, keywords: Collection[str]) -> dict[str, str]:
    """Return the texts of the given keywords. Ones that are too large or broken are left out.

    Text after the pixels is found too. A file that is cut short gives what stood before the
    cut. Raises `PngError` when it is no PNG at all.
    """
    wanted = {keyword.encode("latin-1"): keyword for keyword in keywords}
    found: dict[str, str] = {}
    try:
        for kind, length in chunk_headers(file):
            if kind not in _TEXT_TYPES or length > MAX_TEXT:
                continue
            head = file.read(min(length, 80))
            keyword = wanted.get(head.partition(b"\0")[0])
            if keyword is None:
                continue
            text = _text(kind, head + file.read(length - len(head)))
            if text is not None:
                found[keyword] = text
    except PngError:
        if file.seek(0) or file.read(8) != SIGNATURE:
            raise
    return found


def _text(kind: bytes, body: bytes) -> str | None:
    rest = body.partition(b"\0")[2]
    if kind == b"tEXt":
        return rest.decode("latin-1")
    if kind == b"zTXt":
        data = _inflate(rest[1:])
        return None if data is None else data.decode("latin-1")
    compressed, rest = rest[:1] == b"\1", rest[2:]
    data = rest.partition(b"\0")[2].partition(b"\0")[2]
    inflated = _inflate(data) if compressed else data
    try:
        return None if inflated is None else inflated.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _inflate(data: bytes) -> bytes | None:
    """Decompress, or None when it is broken or grows past the bound (a bomb)."""
    stream = zlib.decompressobj()
    try:
        result = stream.decompress(data, MAX_TEXT)
    except zlib.error:
        return None
    return result if stream.eof else None


def leading_chunks(path: Path, wanted: frozenset[bytes], largest: int = 1_000_000) -> list[Chunk]:
    """Return the wanted chunks in front of a PNG's pixels; nothing from any other file.

    A chunk that is larger than `largest` bytes, or damaged, is left out.
    """
    found: list[Chunk] = []
    with path.open("rb") as file, contextlib.suppress(PngError):
        for kind, length in chunk_headers(file):
            if kind == b"IDAT":
                break
            if kind in wanted and length <= largest:
                data, checksum = file.read(length), file.read(4)
                if checksum == struct.pack(">I", _checksum(kind, data)):
                    found.append((kind, data))
    return found


def _copy_with_texts(source: BinaryIO, target: BinaryIO, texts: Mapping[str, str]) -> None:
    """Copy a PNG with texts before its pixels, instead of those that it has by these keywords.

    Raises `PngError` when the source is no whole PNG.
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
