"""EXIF and XMP blocks: kept byte for byte, but for what enlarging makes untrue.

Nothing is written anew, so that makers' notes, which hold offsets of their own, survive.
Source of the format: CIPA DC-008 (EXIF 2.32) and TIFF 6.0.
"""

from __future__ import annotations

import re
import struct

PREFIX = b"Exif\0\0"
EXIF_IFD = 0x8769
"""The tag of the folder of a picture's EXIF entries, in that of TIFF."""
USER_COMMENT = 0x9286

_ORIENTATION = 0x0112
_WIDTHS = (0x0100, 0xA002)
_HEIGHTS = (0x0101, 0xA003)
_SHORT, _LONG, _UNDEFINED = 3, 4, 7
_ENTRY = 12
_XMP_ORIENTATION = re.compile(rb"(tiff:Orientation(?:\s*=\s*[\"']|>)\s*)([1-8])")


def corrected_exif(exif: bytes, width: int, height: int) -> bytes:
    """Return the block for an enlarged picture whose pixels stand upright.

    The orientation becomes 1, sizes become the new ones, and the thumbnail is unlinked, since
    it may still lie on its side.

    Args:
        exif: the block, with or without its prefix.
        width, height: of the enlarged picture, pixels.

    Raises:
        ValueError: the block is damaged.
    """
    block = bytearray(exif.removeprefix(PREFIX))
    orders = {b"II*\0": "<", b"MM\0*": ">"}
    order = orders.get(bytes(block[:4]))
    if order is None:
        raise ValueError("no EXIF header")
    try:
        (first,) = struct.unpack_from(f"{order}I", block, 4)
        folder = _correct_folder(block, order, first, width, height, thumbnail=True)
        if folder:
            _correct_folder(block, order, folder, width, height, thumbnail=False)
    except struct.error as error:
        raise ValueError(f"the EXIF block ends too early: {error}") from error
    return bytes(block)


def with_undefined_comment(exif: bytes) -> bytes:
    """Return a block, without its prefix, whose comment has the type that the standard wants.

    Pillow writes it as BYTE, and A1111's reader fails on that (4.6.5 of the standard). The block
    must have a comment.
    """
    data = bytearray(exif)
    order = "<" if data.startswith(b"II") else ">"
    (directory,) = struct.unpack_from(f"{order}I", data, 4)
    for wanted in (EXIF_IFD, USER_COMMENT):
        (count,) = struct.unpack_from(f"{order}H", data, directory)
        entries = range(directory + 2, directory + 2 + 12 * count, 12)
        entry = next(at for at in entries if struct.unpack_from(f"{order}H", data, at)[0] == wanted)
        (directory,) = struct.unpack_from(f"{order}I", data, entry + 8)
    struct.pack_into(f"{order}H", data, entry + 2, _UNDEFINED)
    return bytes(data)


def xmp_orientation(xmp: bytes) -> int:
    """Return the orientation that an XMP packet tells, 1 to 8; 1 where it tells none."""
    found = _XMP_ORIENTATION.search(xmp)
    return int(found[2]) if found else 1


def upright_xmp(xmp: bytes) -> bytes:
    """Return an XMP packet in which the orientation, where there is one, is 1."""
    return _XMP_ORIENTATION.sub(rb"\g<1>1", xmp)


def _correct_folder(
    block: bytearray, order: str, start: int, width: int, height: int, *, thumbnail: bool
) -> int:
    """Correct one folder of entries in place; return where the EXIF folder begins, or 0."""
    found = 0
    (count,) = struct.unpack_from(f"{order}H", block, start)
    for number in range(count):
        at = start + 2 + number * _ENTRY
        tag, kind, _ = struct.unpack_from(f"{order}HHI", block, at)
        if tag == _ORIENTATION:
            _put(block, order, at, kind, 1)
        elif tag in _WIDTHS:
            _put(block, order, at, kind, width)
        elif tag in _HEIGHTS:
            _put(block, order, at, kind, height)
        elif tag == EXIF_IFD:
            (found,) = struct.unpack_from(f"{order}I", block, at + 8)
    if thumbnail:
        after = start + 2 + count * _ENTRY
        if after + 4 <= len(block):
            struct.pack_into(f"{order}I", block, after, 0)
    return found


def _put(block: bytearray, order: str, at: int, kind: int, value: int) -> None:
    if kind == _SHORT:
        struct.pack_into(f"{order}H", block, at + 8, min(value, 0xFFFF))
    elif kind == _LONG:
        struct.pack_into(f"{order}I", block, at + 8, value)
