"""Read text that is hidden in the lowest bits of a PNG's pixels ("stealth PNG info").

Bits are in columns, from top to bottom: those of alpha, or those of red, green and blue. They are
a signature of 15 letters, the number of bits that follow as 32 bits, and UTF-8, plain or gzip.
Source: https://github.com/ashen-sensored/sd_webui_stealth_pnginfo, also used by NovelAI.
"""

from __future__ import annotations

import struct
import warnings
import zlib
from typing import TYPE_CHECKING, BinaryIO

from studio.formats.pictures import png

if TYPE_CHECKING:
    from PIL import Image

_MAX_PIXELS = 20_000_000
"""Of larger pictures nothing is decoded: it takes 4 bytes of memory for each pixel."""
MAX_TEXT = 16 * 1024 * 1024
"""Maximum bytes, after decompression."""

_ALPHA = {b"stealth_pnginfo": False, b"stealth_pngcomp": True}
_RGB = {b"stealth_rgbinfo": False, b"stealth_rgbcomp": True}
"""Signature → whether the text is compressed."""
_LETTERS = 15
_HEAD = 8 * _LETTERS + 32
_GZIP = 31
"""The `wbits` of zlib for a gzip header."""
_BITS = bytes(48 + value % 2 for value in range(256))
"""Translates a sample to "0" or "1"."""
_CHANNELS = {2: 3, 6: 4}
"""PNG colour type → samples per pixel."""
_MAX_ROWS = 16 * 1024 * 1024
"""Maximum bytes of the rows at the top that are looked at."""


def read_stealth(file: BinaryIO) -> str:
    """Return the hidden text, "" if there is none. Tolerates any content.

    The picture is decoded only if its first column starts with a signature. Raises `OSError` if
    the file cannot be read.
    """
    try:
        column = _first_column(file)
    except (png.PngError, zlib.error, struct.error):
        return ""
    if column is None or not (_starts(column, 3, _ALPHA) or _starts(column, 0, _RGB)):
        return ""
    file.seek(0)
    return _hidden_text(file)


def _starts(column: list[bytes], channel: int, signatures: dict[bytes, bool]) -> bool:
    """Return whether a column, as far as it goes, agrees with one of the signatures."""
    if len(column[0]) <= channel:
        return False
    samples = b"".join(pixel[channel:] if channel else pixel[:3] for pixel in column)
    bits = samples[: 8 * _LETTERS].translate(_BITS)
    return any(
        f"{int.from_bytes(signature, 'big'):0{8 * _LETTERS}b}".encode().startswith(bits)
        for signature in signatures
    )


def _first_column(file: BinaryIO) -> list[bytes] | None:
    """Return the pixels at the left edge, as many as a signature needs.

    Only these rows are decompressed, and the filters of PNG make a row's first pixel depend on
    the one above alone. None if the format has no hidden text.
    """
    compressed = bytearray()
    width = height = channels = 0
    for kind, length in png.chunk_headers(file):
        if kind == b"IHDR":
            width, height, depth, colour, _, _, interlaced = struct.unpack(
                ">IIBBBBB", file.read(13)
            )
            channels = _CHANNELS.get(colour, 0)
            if depth != 8 or interlaced or not channels or not 0 < width * height <= _MAX_PIXELS:
                return None
            stride = 1 + width * channels
            needed = min(min(height, 8 * _LETTERS) * stride, _MAX_ROWS)
        elif kind == b"IDAT" and channels:
            compressed += file.read(min(length, _MAX_ROWS))
            if len(compressed) > needed:
                break
    if not channels:
        return None
    rows = zlib.decompressobj().decompress(compressed, needed)
    column: list[bytes] = []
    above = bytes(channels)
    for start in range(0, len(rows) - channels, stride):
        above = _unfiltered(rows[start], rows[start + 1 : start + 1 + channels], above)
        column.append(above)
    return column or None


def _unfiltered(kind: int, pixel: bytes, above: bytes) -> bytes:
    if kind in (2, 4):  # up; Paeth, whose other neighbours are zero
        return bytes((value + up) % 256 for value, up in zip(pixel, above, strict=True))
    if kind == 3:  # average
        return bytes((value + up // 2) % 256 for value, up in zip(pixel, above, strict=True))
    return pixel


def _hidden_text(file: BinaryIO) -> str:
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(file, formats=("PNG",)) as image:
                alpha = image.getchannel("A") if image.mode == "RGBA" else None
                colour = image.convert("RGB")
        found = _decoded(alpha, _ALPHA) if alpha is not None else ""
        return found or _decoded(colour, _RGB)
    except OSError as error:
        if error.errno is not None:
            raise
        return ""
    except Exception:
        # Pillow raises many types of errors for damaged files.
        return ""


def _decoded(image: Image.Image, signatures: dict[bytes, bool]) -> str:
    head = _packed(_samples(image, _HEAD))
    is_compressed = signatures.get(head[:_LETTERS])
    if is_compressed is None:
        return ""
    (length,) = struct.unpack(">I", head[_LETTERS:])
    if length > min(8 * MAX_TEXT, image.width * image.height * len(image.getbands()) - _HEAD):
        return ""
    data = _packed(_samples(image, _HEAD + length)[_HEAD:])
    if is_compressed:
        stream = zlib.decompressobj(_GZIP)
        data = stream.decompress(data, MAX_TEXT)
        if not stream.eof:
            return ""
    return data.decode("utf-8")


def _samples(image: Image.Image, count: int) -> bytes:
    """Return the first samples in the order of columns."""
    from PIL import Image

    columns = -(-count // (image.height * len(image.getbands())))
    left = image.crop((0, 0, min(columns, image.width), image.height))
    return left.transpose(Image.Transpose.TRANSPOSE).tobytes()[:count]


def _packed(samples: bytes) -> bytes:
    """Return the lowest bit of each sample, eight to a byte, without the bits that remain."""
    samples = samples[: len(samples) // 8 * 8]
    return int(samples.translate(_BITS) or b"0", 2).to_bytes(len(samples) // 8, "big")
