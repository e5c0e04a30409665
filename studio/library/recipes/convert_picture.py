"""Convert pictures to WebP or JPEG, with the recipe in XMP and A1111's text in EXIF.

Like A1111 itself, this writes the `parameters` text to EXIF's UserComment as UTF-16, where
Civitai, sd-parsers and A1111's "PNG Info" read it.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from studio.formats.pictures import a1111, jpeg, png, xmp
from studio.formats.pictures.exif import EXIF_IFD, PREFIX, USER_COMMENT, with_undefined_comment
from studio.formats.pictures.open_picture import PictureError, decoding, open_picture
from studio.formats.recipes.front_matter import yaml_safe
from studio.formats.recipes.recipe_files import read_embedded
from studio.kinds.coding import to_json
from studio.library.recipes.metadata import embedded_text, source_type_of
from studio.library.recipes.source_type import with_source
from studio.library.recipes.visible_label import with_visible_label
from studio.protocol import ProblemError, Recipe, Sentence, UnknownRequest, problem, sentence

if TYPE_CHECKING:
    from PIL import Image

Format: TypeAlias = Literal["webp", "jpeg"]
OnLoss: TypeAlias = Callable[[Sentence], object]
SUFFIXES: dict[Format, tuple[str, ...]] = {"webp": (".webp",), "jpeg": (".jpg", ".jpeg")}
LONGEST_SIDE: dict[Format, int] = {"webp": 16_383, "jpeg": 65_535}
JPEG_QUALITY = 90
_LONGEST_PNG = 2**31 - 1


def convert_picture(
    source: Path,
    recipe: Recipe,
    to: Format,
    quality: int | None,
    on_loss: OnLoss,
    *,
    visible_label: bool = False,
) -> bytes:
    """Return the picture in `source` encoded in another format, with its recipe inside.

    `quality` is 1 to 100; None means lossless WebP, or JPEG with `JPEG_QUALITY`. The colour
    profile, EXIF and XMP are kept. `on_loss` is called with a message for each loss beyond the
    compression. Raises `OSError` if the file cannot be read, and `ProblemError` if it is not a
    picture or too large.
    """
    with _loaded(source, LONGEST_SIDE[to]) as image:
        pixels = _eight_bits(image, source, on_loss)
        if to == "jpeg":
            pixels = _without_alpha(pixels, on_loss)
        elif pixels.mode not in ("RGB", "RGBA"):
            pixels = pixels.convert("RGBA" if pixels.mode == "LA" else "RGB")
        if visible_label:
            pixels = with_visible_label(pixels)
        profile = _profile(image)
        if profile and profile[16:20] != (b"GRAY" if pixels.mode == "L" else b"RGB "):
            on_loss(sentence("The colour profile cannot be used in this format and was left out."))
            profile = b""
        embedded = read_embedded(source)
        comment = _comment(embedded.texts, recipe, image.size)
        packet = embedded.packet
        if not isinstance(recipe.request, UnknownRequest):
            packet = with_source(packet, source_type_of(recipe.request))
        exif = _exif(image)
        if to == "webp":
            return _webp(pixels, quality, profile, _with_comment(exif, comment), packet, recipe)
        return _jpeg(pixels, quality, profile, exif, comment, packet, recipe, on_loss)


def labelled_png(source: Path, on_loss: OnLoss) -> bytes:
    """Return a picture as PNG with the visible label on it; the recipe is not in it yet.

    Raises `OSError` and `ProblemError`.
    """
    with _loaded(source, _LONGEST_PNG) as image:
        pixels = with_visible_label(_eight_bits(image, source, on_loss))
        written = io.BytesIO()
        profile = _profile(image)
        if profile and profile[16:20] != b"RGB ":
            profile = b""
        pixels.save(written, "PNG", icc_profile=profile or None)
        return written.getvalue()


def _loaded(source: Path, longest: int) -> Image.Image:
    """Return the decoded picture. Raises `OSError` and `ProblemError`."""
    try:
        image = open_picture(source)
        try:
            if max(image.size) > longest:
                raise problem(
                    "bad_input",
                    "{name} is too large for this format, which allows at most {n} pixels per "
                    "side. Export it without converting it.",
                    name=source.name,
                    n=longest,
                )
            with decoding():
                image.load()
        except BaseException:
            image.close()
            raise
    except PictureError as error:
        raise _damaged(source, str(error)) from error
    except MemoryError as error:
        raise problem(
            "out_of_memory",
            "There is not enough memory to convert {name}. Export it without converting it.",
            str(error),
            name=source.name,
        ) from error
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
        # The parser can raise anything for malformed EXIF, which is then dropped.
        return Image.Exif()
    return exif


def _profile(image: Image.Image) -> bytes:
    profile = image.info.get("icc_profile")
    return profile if isinstance(profile, bytes) and len(profile) > 128 else b""


def _eight_bits(image: Image.Image, source: Path, on_loss: OnLoss) -> Image.Image:
    """Return the picture in mode L, LA, RGB or RGBA."""
    if image.mode.startswith("I") or image.mode == "F" or _depth(source) == 16:
        on_loss(
            sentence(
                "The picture was reduced from 16 to 8 bits per channel, the most that the format "
                "supports."
            )
        )
    if image.mode.startswith("I"):
        # Pillow would clip at 255 instead of scaling.
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


def _without_alpha(image: Image.Image, on_loss: OnLoss) -> Image.Image:
    """Return the picture on a white background."""
    from PIL import Image

    if image.mode not in ("LA", "RGBA"):
        return image
    if image.getchannel("A").getextrema() != (255, 255):
        on_loss(
            sentence("Transparent areas became white, since JPEG does not support transparency.")
        )
    background = Image.new("RGBA", image.size, "white")
    background.alpha_composite(image.convert("RGBA"))
    return background.convert("L" if image.mode == "LA" else "RGB")


def _comment(texts: Mapping[str, str], recipe: Recipe, size: tuple[int, int]) -> str:
    for keyword in (a1111.PARAMETERS, a1111.POSTPROCESSING):
        if texts.get(keyword):
            return texts[keyword]
    embedded = embedded_text(recipe, *size)
    return embedded[1] if embedded is not None else ""


def _with_comment(exif: Image.Exif, comment: str) -> bytes:
    """Return EXIF, starting at the TIFF header, with A1111's text in the UserComment."""
    from PIL import Image

    text = b"UNICODE\0" + comment.encode("utf-16-be", "replace")
    try:
        exif.get_ifd(EXIF_IFD)[USER_COMMENT] = text
        return with_undefined_comment(exif.tobytes().removeprefix(PREFIX))
    except Exception:
        # Malformed EXIF of the source can raise anything and is dropped.
        exif = Image.Exif()
        exif.get_ifd(EXIF_IFD)[USER_COMMENT] = text
        return with_undefined_comment(exif.tobytes().removeprefix(PREFIX))


def _with_recipe(packet: str, recipe: Recipe) -> str:
    text = yaml_safe(to_json(recipe))
    extended = xmp.with_recipe(packet, text)
    if xmp.value_of(extended, xmp.RECIPE) == text:
        return extended
    # The packet of another program cannot be extended: replace it.
    return xmp.with_recipe(with_source("", source_type_of(recipe.request)), text)


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
    on_loss: OnLoss,
) -> bytes:
    file = io.BytesIO()
    quality = JPEG_QUALITY if quality is None else quality
    pixels.save(
        file,
        "JPEG",
        quality=quality,
        # Chroma subsampling blurs the hard edges of drawings.
        subsampling="4:4:4" if quality >= JPEG_QUALITY else "4:2:0",
        icc_profile=profile,
    )
    plain = exif.tobytes().removeprefix(PREFIX) if len(exif) else b""
    kept = _with_comment(exif, comment)
    if not jpeg.exif_fits(kept):
        on_loss(
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
            on_loss(
                sentence(
                    "The XMP metadata of other programs is too long for a JPEG and was left out."
                )
            )
            whole = jpeg.with_extension_note(
                with_source("", source_type_of(recipe.request)), extended
            )
    return jpeg.with_metadata(file.getvalue(), kept, whole, extended)
