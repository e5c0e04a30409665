"""Reads pictures losslessly: bit depth, alpha, colour profile, EXIF; rotated upright."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from studio.engine.tasks.upscale.colour import space_of, to_srgb
from studio.engine.tasks.upscale.sixteen_bit import has_sixteen_bits, read_sixteen
from studio.engine.tasks.upscale.tiles import Pixels
from studio.formats.pictures.exif import PREFIX, corrected_exif, upright_xmp, xmp_orientation
from studio.formats.pictures.png import Chunk, leading_chunks
from studio.protocol import ProblemError, Sentence, problem, sentence

Samples = NDArray[np.uint8] | NDArray[np.uint16]

SizeCheck = Callable[[int, int, int], None]
"""Called with width, height and the bytes needed for decoding; raises to reject the picture."""

_ORIENTATION = 0x0112
_COLOUR_CHUNKS = frozenset({b"gAMA", b"cHRM", b"sRGB", b"cICP"})
_OTHER_CHUNKS = frozenset({b"pHYs", b"tEXt", b"zTXt", b"iTXt"})
_XMP_KEYWORD = b"XML:com.adobe.xmp\0"
_MAX_TEXT_BYTES = 4_000_000
# TIFF tags that describe the picture, not the file. In a TIFF, EXIF shares the main directory.
_DESCRIPTIVE = frozenset(
    {270, 271, 272, 282, 283, 296, 305, 306, 315, 316, 33432, 34665, 34853, 36867, 36868}
)


@dataclass
class Picture:
    """A decoded picture.

    Attributes:
        pixels: shape (height, width, channels), 8 or 16 bits; 1 channel is grey, 2 grey and
            alpha, 3 RGB, 4 RGBA. Upright, with straight (not premultiplied) alpha.
        icc: colour profile that matches the pixels; empty for none.
        exif: the original EXIF block; empty for none.
        chunks: further PNG chunks that remain valid.
        notes: warnings for the user: kind and sentence.
        format: of the file, as Pillow names it.
    """

    pixels: Samples
    icc: bytes = b""
    exif: bytes = b""
    chunks: list[Chunk] = field(default_factory=list)
    notes: list[tuple[str, Sentence]] = field(default_factory=list)
    format: str = ""

    @property
    def has_alpha(self) -> bool:
        """Whether the last channel is alpha."""
        return self.pixels.shape[2] in (2, 4)

    @property
    def bits(self) -> int:
        """Bits per channel, 8 or 16."""
        return 16 if self.pixels.dtype == np.uint16 else 8

    @property
    def max_value(self) -> int:
        """The largest value of a sample."""
        return 65535 if self.bits == 16 else 255

    def as_floats(self, rows: slice, columns: slice) -> Pixels:
        """Return a region as values from 0 to 1, shape (height, width, channels)."""
        part: Pixels = self.pixels[rows, columns].astype(np.float32)
        part /= self.max_value
        return part

    def exif_for(self, width: int, height: int) -> bytes:
        """Return the EXIF block for an enlarged picture; a damaged one is dropped with a note."""
        if not self.exif:
            return b""
        try:
            return corrected_exif(self.exif, width, height)
        except ValueError:
            self.notes.append(
                (
                    "metadata",
                    sentence("The EXIF data of this picture is damaged and was left out."),
                )
            )
            return b""


def read_picture(path: Path, check_size: SizeCheck) -> Picture:
    """Decode a picture file.

    Args:
        path: the file.
        check_size: called before anything is decoded.

    Raises:
        ProblemError: `bad_input`, naming the file, or what `check_size` raised.
        MemoryError: memory ran out.
    """
    try:
        with _without_size_limit(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path) as image:
                return _read(path, image, check_size)
    except (ProblemError, MemoryError):
        raise
    except FileNotFoundError as error:
        raise problem(
            "bad_input",
            "The picture {name} is no longer at {path}. Choose it again.",
            str(error),
            name=path.name,
            path=path,
        ) from error
    except (PermissionError, IsADirectoryError) as error:
        raise problem(
            "bad_input",
            "{name} cannot be opened. Check that it is a file and that you have permission to read"
            " it.",
            str(error),
            name=path.name,
        ) from error
    except UnidentifiedImageError as error:
        raise problem(
            "bad_input",
            "{name} is not a picture that can be read. Use PNG, JPEG, WebP, TIFF, AVIF, GIF or"
            " BMP.",
            str(error),
            name=path.name,
        ) from error
    except Exception as error:
        # Decoders raise all kinds of errors for damaged files.
        raise problem(
            "bad_input",
            "{name} is damaged or incomplete and cannot be read. Get another copy of it.",
            f"{type(error).__name__}: {error}",
            name=path.name,
        ) from error


def _read(path: Path, image: Image.Image, check_size: SizeCheck) -> Picture:
    width, height = image.size
    sixteen = has_sixteen_bits(image)
    bands = len(image.getbands())
    sample = 2 if sixteen else 1
    # The decoder's copy (decoded twice for 16 bits) and ours.
    check_size(
        width, height, width * height * ((4 if bands > 1 else 1) * sample + 2 * bands * sample)
    )
    notes: list[tuple[str, Sentence]] = []
    if getattr(image, "is_animated", False) and image.format != "MPO":
        notes.append(
            (
                "input",
                sentence(
                    "{name} contains several pictures. Only the first one is enlarged.",
                    name=path.name,
                ),
            )
        )
    sixteen_bit = read_sixteen(image, lambda: Image.open(path)) if sixteen else None
    if sixteen and sixteen_bit is None:
        notes.append(
            (
                "input",
                sentence(
                    "{name} has 16 bits per channel, but only 8 of them can be read.",
                    name=path.name,
                ),
            )
        )
    image.load()
    icc = _as_bytes(image.info.get("icc_profile"))
    if sixteen_bit is None:
        pixels, icc = _eight_bits(path, image, icc, notes)
    else:
        pixels = _apply_transparent_colour(sixteen_bit, image.info.get("transparency"))
    pixels, icc = _match_profile(pixels, icc, notes)
    return Picture(
        _upright(pixels, image),
        icc,
        _exif(image),
        _chunks(path, image, with_colour=not icc),
        notes,
        image.format or "",
    )


def _eight_bits(
    path: Path, image: Image.Image, icc: bytes, notes: list[tuple[str, Sentence]]
) -> tuple[Samples, bytes]:
    mode = image.mode
    if mode in ("I", "F") or mode.startswith("I;"):
        raise problem(
            "bad_input",
            "{name} has more than 16 bits per channel (HDR or measurement data), which is not"
            " supported. Convert it to 8 or 16 bits first.",
            name=path.name,
        )
    if mode in ("CMYK", "LAB"):
        image, known = _print_to_rgb(image, icc)
        icc = b""
        if known:
            text = sentence(
                "{name} was converted from print colours (CMYK or Lab) to sRGB.",
                name=path.name,
            )
        else:
            text = sentence(
                "{name} is a CMYK picture without a usable colour profile. The conversion to sRGB"
                " is approximate, so colours may look different.",
                name=path.name,
            )
        notes.append(("input", text))
    elif mode in ("1", "L", "LA", "La"):
        image = image.convert("LA" if image.has_transparency_data else "L")
    elif image.has_transparency_data or mode in ("RGBA", "RGBa", "PA"):
        image = image.convert("RGBA")
    else:
        image = image.convert("RGB")
    pixels = np.asarray(image)
    return (pixels if pixels.ndim == 3 else pixels[..., None]), icc


def _print_to_rgb(image: Image.Image, icc: bytes) -> tuple[Image.Image, bool]:
    """Convert CMYK or Lab to RGB; also return whether a profile defined its colours."""
    if image.mode == "LAB":
        return to_srgb(image, b""), True
    if icc and space_of(icc) == "CMYK":
        return to_srgb(image, icc), True
    return image.convert("RGB"), False


def _apply_transparent_colour(pixels: NDArray[np.uint16], key: object) -> NDArray[np.uint16]:
    """Convert the transparent colour of a 16-bit PNG (tRNS) to an alpha channel."""
    if pixels.shape[2] not in (1, 3) or not isinstance(key, int | tuple):
        return pixels
    hidden = (pixels == np.asarray(key, np.uint16)).all(axis=2, keepdims=True)
    alpha = np.where(hidden, np.uint16(0), np.uint16(65535))
    return np.concatenate([pixels, alpha], axis=2)


def _match_profile(
    pixels: Samples, icc: bytes, notes: list[tuple[str, Sentence]]
) -> tuple[Samples, bytes]:
    """Keep a profile that matches the pixels; drop any other and add a note."""
    if not icc:
        return pixels, b""
    grey = pixels.shape[2] <= 2
    space = space_of(icc)
    if space == "RGB" and grey:
        colours = np.repeat(pixels[..., :1], 3, axis=2)
        return np.concatenate([colours, pixels[..., 1:]], axis=2), icc
    if space == ("GRAY" if grey else "RGB"):
        return pixels, icc
    notes.append(
        (
            "metadata",
            sentence(
                "The colour profile of this picture is damaged or does not match it and was"
                " ignored. Colours may look slightly different."
            ),
        )
    )
    return pixels, b""


def _upright(pixels: Samples, image: Image.Image) -> Samples:
    try:
        orientation = image.getexif().get(_ORIENTATION)
    except Exception:
        # A damaged block can raise any error; it is reported when it is written.
        orientation = None
    match orientation or xmp_orientation(_xmp(image)):
        case 2:
            return pixels[:, ::-1]
        case 3:
            return pixels[::-1, ::-1]
        case 4:
            return pixels[::-1]
        case 5:
            return pixels.swapaxes(0, 1)
        case 6:
            return pixels.swapaxes(0, 1)[:, ::-1]
        case 7:
            return pixels.swapaxes(0, 1)[::-1, ::-1]
        case 8:
            return pixels.swapaxes(0, 1)[::-1]
    return pixels


def _exif(image: Image.Image) -> bytes:
    if image.format != "TIFF" and (block := _as_bytes(image.info.get("exif"))):
        return block
    try:
        exif = image.getexif()
        if image.format == "TIFF":
            for tag in [tag for tag in exif if tag not in _DESCRIPTIVE]:
                del exif[tag]
        return exif.tobytes() if len(exif) else b""
    except Exception:
        # It cannot be kept. An empty block is later reported as damaged.
        return PREFIX


def _chunks(path: Path, image: Image.Image, *, with_colour: bool) -> list[Chunk]:
    """Return the other metadata to keep: resolution, gamma, texts (e.g. a prompt) and XMP."""
    wanted = _OTHER_CHUNKS | _COLOUR_CHUNKS if with_colour else _OTHER_CHUNKS
    found = [
        (kind, data)
        for kind, data in leading_chunks(path, wanted, _MAX_TEXT_BYTES)
        if not data.startswith(_XMP_KEYWORD)
    ]
    xmp = _xmp(image)
    if 0 < len(xmp) <= _MAX_TEXT_BYTES:
        found.append((b"iTXt", _XMP_KEYWORD + bytes(4) + upright_xmp(xmp)))
    return found


def _xmp(image: Image.Image) -> bytes:
    xmp = image.info.get("xmp")
    return xmp.encode() if isinstance(xmp, str) else _as_bytes(xmp)


def _as_bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else b""


@contextlib.contextmanager
def _without_size_limit() -> Iterator[None]:
    """Disable Pillow's size limit: `check_size` has a limit with a better message."""
    before = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = None
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = before
