"""A picture as WebP or JPEG, with its settings inside: ours in XMP, A1111's text in EXIF.

What A1111 itself writes into these formats is the `parameters` text in EXIF's UserComment, as
UTF-16; Civitai, sd-parsers and A1111's "PNG Info" read it there.
"""

from __future__ import annotations

import io
import threading
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from studio.formats import a1111, jpeg, png, xmp
from studio.formats.exif import EXIF_IFD, PREFIX, USER_COMMENT, with_undefined_comment
from studio.formats.front_matter import yaml_safe
from studio.formats.recipe_files import read_embedded
from studio.kinds.coding import to_json
from studio.library.recipes.metadata import embedded_text, source_type_of
from studio.library.recipes.source_type import with_source
from studio.protocol import ProblemError, Recipe, Sentence, UnknownRequest, problem, sentence

if TYPE_CHECKING:
    from PIL import Image

Format: TypeAlias = Literal["webp", "jpeg"]
Tell: TypeAlias = Callable[[Sentence], object]
SUFFIXES: dict[Format, tuple[str, ...]] = {"webp": (".webp",), "jpeg": (".jpg", ".jpeg")}
LONGEST_SIDE: dict[Format, int] = {"webp": 16_383, "jpeg": 65_535}
JPEG_QUALITY = 90
# Pillow's bound is one for the whole process; this file is the user's own and may be larger.
_unbounded = threading.Lock()


def converted(source: Path, recipe: Recipe, to: Format, quality: int | None, tell: Tell) -> bytes:
    """Return the picture in `source` as a file of another format, with its recipe inside.

    `quality` is 1 to 100; without it a WebP is lossless and a JPEG has `JPEG_QUALITY`. The
    colour profile, EXIF and XMP are kept. `tell` hears what is lost besides. Raises `OSError`
    where the file cannot be read, and `ProblemError` where it is no picture, or too large.
    """
    with _loaded(source) as image:
        longest = LONGEST_SIDE[to]
        if max(image.size) > longest:
            raise problem(
                "bad_input",
                "{name} is too large for this format, which allows at most {n} pixels per side. "
                "Export it without converting it.",
                name=source.name,
                n=longest,
            )
        pixels = _eight_bits(image, source, tell)
        if to == "jpeg":
            pixels = _opaque(pixels, tell)
        elif pixels.mode not in ("RGB", "RGBA"):
            pixels = pixels.convert("RGBA" if pixels.mode == "LA" else "RGB")
        profile = _profile(image)
        if profile and profile[16:20] != (b"GRAY" if pixels.mode == "L" else b"RGB "):
            tell(sentence("The colour profile cannot be used in this format and was left out."))
            profile = b""
        embedded = read_embedded(source)
        comment = _comment(embedded.texts, recipe, image.size)
        packet = embedded.packet
        if not isinstance(recipe.request, UnknownRequest):
            packet = with_source(packet, source_type_of(recipe.request))
        exif = _exif(image)
        if to == "webp":
            return _webp(pixels, quality, profile, _with_comment(exif, comment), packet, recipe)
        return _jpeg(pixels, quality, profile, exif, comment, packet, recipe, tell)


def _loaded(source: Path) -> Image.Image:
    from PIL import Image, UnidentifiedImageError

    try:
        with _unbounded, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            bound, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
            try:
                image = Image.open(source)
            finally:
                Image.MAX_IMAGE_PIXELS = bound
        try:
            image.load()
        except BaseException:
            image.close()
            raise
    except (UnidentifiedImageError, ValueError, SyntaxError, EOFError) as error:
        raise _damaged(source, str(error)) from error
    except OSError as error:
        # Pillow raises one without a number where the file is cut short.
        if error.errno is not None:
            raise
        raise _damaged(source, str(error)) from error
    return image


def _damaged(source: Path, detail: str) -> ProblemError:
    return problem(
        "bad_input",
        "{name} cannot be read as a picture. It may be damaged.",
        detail,
        name=source.name,
    )


def _exif(image: Image.Image) -> Image.Exif:
    from PIL import Image

    try:
        exif = image.getexif()
        exif.get_ifd(EXIF_IFD)
        exif.tobytes()
    except Exception:
        # Whatever a stranger's EXIF makes the parser raise: it cannot be kept.
        return Image.Exif()
    return exif


def _profile(image: Image.Image) -> bytes:
    profile = image.info.get("icc_profile")
    return profile if isinstance(profile, bytes) and len(profile) > 128 else b""


def _eight_bits(image: Image.Image, source: Path, tell: Tell) -> Image.Image:
    """Return the picture as L, LA, RGB or RGBA."""
    if image.mode.startswith("I") or image.mode == "F" or _depth(source) == 16:
        tell(
            sentence(
                "The picture was reduced from 16 to 8 bits per channel, the most that the format "
                "supports."
            )
        )
    if image.mode.startswith("I"):
        # Pillow would cut off at 255 instead of scaling.
        return image.convert("I").point(lambda value: value / 256).convert("L")
    if image.mode in ("L", "LA", "RGB", "RGBA") and "transparency" not in image.info:
        return image
    if image.has_transparency_data:
        return image.convert("RGBA")
    return image.convert("L" if image.mode == "1" else "RGB")


def _depth(source: Path) -> int:
    with source.open("rb") as file:
        head = file.read(25)
    return head[24] if len(head) == 25 and head.startswith(png.SIGNATURE) else 8


def _opaque(image: Image.Image, tell: Tell) -> Image.Image:
    from PIL import Image

    if image.mode not in ("LA", "RGBA"):
        return image
    if image.getchannel("A").getextrema() != (255, 255):
        tell(sentence("Transparent areas became white, since JPEG does not support transparency."))
    whole = image.convert("RGBA")
    ground = Image.new("RGBA", image.size, "white")
    ground.alpha_composite(whole)
    return ground.convert("L" if image.mode == "LA" else "RGB")


def _comment(texts: Mapping[str, str], recipe: Recipe, size: tuple[int, int]) -> str:
    for keyword in (a1111.PARAMETERS, a1111.POSTPROCESSING):
        if texts.get(keyword):
            return texts[keyword]
    embedded = embedded_text(recipe, *size)
    return embedded[1] if embedded is not None else ""


def _with_comment(exif: Image.Exif, comment: str) -> bytes:
    """Return EXIF, from the TIFF header on, with A1111's text as it writes it."""
    from PIL import Image

    text = b"UNICODE\0" + comment.encode("utf-16-be", "replace")
    try:
        exif.get_ifd(EXIF_IFD)[USER_COMMENT] = text
        return with_undefined_comment(exif.tobytes().removeprefix(PREFIX))
    except Exception:
        # Only a stranger's EXIF can have such faults, whatever they are: go without it.
        exif = Image.Exif()
        exif.get_ifd(EXIF_IFD)[USER_COMMENT] = text
        return with_undefined_comment(exif.tobytes().removeprefix(PREFIX))


def _with_recipe(packet: str, recipe: Recipe) -> str:
    text = yaml_safe(to_json(recipe))
    whole = xmp.with_recipe(packet, text)
    if xmp.value_of(whole, xmp.RECIPE) == text:
        return whole
    # A packet of somebody else's that nothing can be added to.
    fresh = with_source("", source_type_of(recipe.request))
    return xmp.with_recipe(fresh, text)


def _webp(
    pixels: Image.Image,
    quality: int | None,
    profile: bytes,
    exif: bytes,
    packet: str,
    recipe: Recipe,
) -> bytes:
    file = io.BytesIO()
    pixels.save(
        file,
        "WEBP",
        lossless=quality is None,
        exact=quality is None,
        quality=75 if quality is None else quality,
        icc_profile=profile,
        exif=exif,
        xmp=_with_recipe(packet, recipe).encode(),
    )
    return file.getvalue()


def _jpeg(
    pixels: Image.Image,
    quality: int | None,
    profile: bytes,
    exif: Image.Exif,
    comment: str,
    packet: str,
    recipe: Recipe,
    tell: Tell,
) -> bytes:
    file = io.BytesIO()
    # Colours at full resolution where quality is asked for: drawings have hard edges.
    chosen = JPEG_QUALITY if quality is None else quality
    pixels.save(
        file,
        "JPEG",
        quality=chosen,
        subsampling="4:4:4" if chosen >= JPEG_QUALITY else "4:2:0",
        icc_profile=profile,
    )
    plain = exif.tobytes().removeprefix(PREFIX) if len(exif) else b""
    kept = _with_comment(exif, comment)
    if not jpeg.exif_fits(kept):
        tell(
            sentence(
                "The prompt is too long for the metadata that other programs read from a JPEG, so "
                "it was left out there. Prompt Studio can still read it."
            )
        )
        kept = plain if jpeg.exif_fits(plain) else b""
    whole, extended = _with_recipe(packet, recipe), ""
    if not jpeg.fits(whole):
        extended = _with_recipe("", recipe)
        whole = jpeg.with_extension_note(packet, extended)
        if not (jpeg.fits(whole) and jpeg.has_extension_note(whole, extended)):
            tell(
                sentence(
                    "The XMP metadata of other programs is too long for a JPEG and was left out."
                )
            )
            whole = jpeg.with_extension_note(
                with_source("", source_type_of(recipe.request)), extended
            )
    return jpeg.with_metadata(file.getvalue(), kept, whole, extended)
