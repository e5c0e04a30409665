"""Read the comment in an EXIF block, and correct EXIF and XMP after a picture was enlarged.

Blocks are patched in place and not rewritten, because maker notes contain absolute offsets.
Format: CIPA DC-008 (EXIF 2.32) and TIFF 6.0.
"""

from __future__ import annotations

import re
import struct

PREFIX = b"Exif\0\0"
EXIF_IFD = 0x8769
"""Tag of the pointer to the EXIF IFD, in IFD 0."""
USER_COMMENT = 0x9286

_ORIENTATION = 0x0112
_WIDTHS = (0x0100, 0xA002)
_HEIGHTS = (0x0101, 0xA003)
_SHORT, _LONG, _UNDEFINED = 3, 4, 7
_ENTRY_BYTES = 12
_ORDERS = {b"II*\0": "<", b"MM\0*": ">"}
"""First bytes of the TIFF header → byte order."""
_XMP_ORIENTATION = re.compile(rb"(tiff:Orientation(?:\s*=\s*[\"']|>)\s*)([1-8])")


def user_comment(exif: bytes) -> str:
    """Return the UserComment of an EXIF block, with or without prefix; "" if there is none.

    Only two directories are looked at, so that linked directories cannot go in a circle.
    """
    block = exif.removeprefix(PREFIX)
    order = _ORDERS.get(block[:4])
    if order is None:
        return ""
    try:
        (first,) = struct.unpack_from(f"{order}I", block, 4)
        found = _entry(block, order, first, EXIF_IFD)
        comment = found and _entry(block, order, found[1], USER_COMMENT)
    except struct.error:
        return ""
    if not comment:
        return ""
    length, start = comment
    return _comment_text(block[start : start + length])


def _entry(block: bytes, order: str, ifd: int, wanted: int) -> tuple[int, int] | None:
    """Return count and value of a tag in a directory."""
    (entries,) = struct.unpack_from(f"{order}H", block, ifd)
    for number in range(entries):
        tag, _, count, value = struct.unpack_from(
            f"{order}HHII", block, ifd + 2 + number * _ENTRY_BYTES
        )
        if tag == wanted:
            return count, value
    return None


def _comment_text(comment: bytes) -> str:
    """Decode a UserComment, which starts with the name of its character set."""
    charset, data = comment[:8], comment[8:]
    if charset.startswith(b"UNICODE"):
        # The standard leaves the byte order open; of most texts the first bytes are zero.
        order = "le" if data[1::2].count(0) > data[::2].count(0) else "be"
        return data.decode(f"utf-16-{order}", "replace")
    return data.decode("utf-8", "replace").strip("\0")


def corrected_exif(exif: bytes, width: int, height: int) -> bytes:
    """Return the EXIF block for an enlarged picture with upright pixels.

    The orientation is set to 1, sizes are updated, and the thumbnail is unlinked, since it may
    still be rotated.

    Args:
        exif: the block, with or without its prefix.
        width, height: of the enlarged picture, pixels.

    Raises:
        ValueError: the block is damaged.
    """
    block = bytearray(exif.removeprefix(PREFIX))
    order = _ORDERS.get(bytes(block[:4]))
    if order is None:
        raise ValueError("no EXIF header")
    try:
        (first,) = struct.unpack_from(f"{order}I", block, 4)
        exif_ifd = _correct_ifd(block, order, first, width, height, unlink_next=True)
        if exif_ifd:
            _correct_ifd(block, order, exif_ifd, width, height, unlink_next=False)
    except struct.error as error:
        raise ValueError(f"the EXIF block ends too early: {error}") from error
    return bytes(block)


def with_undefined_comment(exif: bytes) -> bytes:
    """Return an EXIF block (without prefix) with the UserComment's type set to UNDEFINED.

    The standard requires it (4.6.5). Pillow writes BYTE, which A1111's reader does not accept.
    The block must contain a UserComment.
    """
    data = bytearray(exif)
    order = "<" if data.startswith(b"II") else ">"
    (ifd,) = struct.unpack_from(f"{order}I", data, 4)
    for tag in (EXIF_IFD, USER_COMMENT):
        (count,) = struct.unpack_from(f"{order}H", data, ifd)
        entries = range(ifd + 2, ifd + 2 + _ENTRY_BYTES * count, _ENTRY_BYTES)
        entry = next(at for at in entries if struct.unpack_from(f"{order}H", data, at)[0] == tag)
        (ifd,) = struct.unpack_from(f"{order}I", data, entry + 8)
    struct.pack_into(f"{order}H", data, entry + 2, _UNDEFINED)
    return bytes(data)


def xmp_orientation(xmp: bytes) -> int:
    """Return the orientation in an XMP packet, 1 to 8; 1 if there is none."""
    found = _XMP_ORIENTATION.search(xmp)
    return int(found[2]) if found else 1


def upright_xmp(xmp: bytes) -> bytes:
    """Return the XMP packet with its orientation, if any, set to 1."""
    return _XMP_ORIENTATION.sub(rb"\g<1>1", xmp)


def _correct_ifd(
    block: bytearray, order: str, start: int, width: int, height: int, *, unlink_next: bool
) -> int:
    """Correct one IFD in place. Returns the offset of the EXIF IFD, 0 if it is not linked."""
    exif_ifd = 0
    (count,) = struct.unpack_from(f"{order}H", block, start)
    for number in range(count):
        at = start + 2 + number * _ENTRY_BYTES
        tag, kind, _ = struct.unpack_from(f"{order}HHI", block, at)
        if tag == _ORIENTATION:
            _put(block, order, at, kind, 1)
        elif tag in _WIDTHS:
            _put(block, order, at, kind, width)
        elif tag in _HEIGHTS:
            _put(block, order, at, kind, height)
        elif tag == EXIF_IFD:
            (exif_ifd,) = struct.unpack_from(f"{order}I", block, at + 8)
    if unlink_next:
        after = start + 2 + count * _ENTRY_BYTES
        if after + 4 <= len(block):
            struct.pack_into(f"{order}I", block, after, 0)
    return exif_ifd


def _put(block: bytearray, order: str, at: int, kind: int, value: int) -> None:
    if kind == _SHORT:
        struct.pack_into(f"{order}H", block, at + 8, min(value, 0xFFFF))
    elif kind == _LONG:
        struct.pack_into(f"{order}I", block, at + 8, value)
