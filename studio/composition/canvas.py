"""A picture of the film in memory, as large as the frames need it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from msgspec import Struct
from PIL import Image, ImageOps

from studio.composition.camera import MAX_ZOOM, Move, chosen_motion, move_over
from studio.formats.pictures.open_picture import decoding, open_picture
from studio.kinds.film import Motion

_GREY = (128, 128, 128)
_WHITE = (255, 255, 255)
_BLOCK = 1 << 20
_DRAFT_FROM = 4
_ROOM = 0.94
"""Share of the nearest view that a whole picture takes while the camera moves."""


class Canvas(Struct, frozen=True):
    """A picture, and the move of the camera over it."""

    image: Image.Image
    move: Move

    def frame(self, time: float, size: tuple[int, int]) -> Image.Image:
        """Return what is seen at a time from 0 to 1, scaled with antialiasing and not rounded to
        whole pixels, so that slow motion is smooth."""
        box = self.move.at(time)
        if self.image.size == size and box == (0.0, 0.0, *map(float, size)):
            return self.image
        return self.image.resize(size, Image.Resampling.BICUBIC, box)


def make_canvas(
    path: Path,
    place: int,
    motion: Motion,
    seconds: float,
    fit: str,
    frame: tuple[int, int],
) -> Canvas:
    """Return the canvas of the shot at a place in the film.

    Raises `PictureError` if the picture is damaged, and `OSError`.
    """
    image = _opened(path, frame)
    if fit == "whole":
        image = _on_ground(image, frame, is_still=motion == "none")
    motion = chosen_motion(motion, place, image.size, frame)
    image = _reduced(image, motion, frame, seconds)
    return Canvas(image, move_over(motion, image.size, frame, seconds))


def still_canvas(image: Image.Image) -> Canvas:
    """Return the canvas of a picture that is as large as the frame and does not move."""
    whole = (0.0, 0.0, float(image.width), float(image.height))
    return Canvas(image, Move(whole, whole))


def plain_picture(size: tuple[int, int]) -> Image.Image:
    """Return what is seen of a shot without a picture."""
    return Image.new("RGB", size, _GREY)


def checked_digest(path: Path, check: Callable[[], None]) -> str:
    """Return the SHA-256 of a picture that can be read.

    Raises `PictureError` if it is damaged or no picture, and `OSError`.
    """
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while part := file.read(_BLOCK):
            check()
            digest.update(part)
    with open_picture(path) as image, decoding():
        if image.format == "PNG":
            image.verify()
        else:
            image.draft("RGB", (64, 64))
            image.load()
    return digest.hexdigest()


def _opened(path: Path, frame: tuple[int, int]) -> Image.Image:
    """Return a picture upright and in RGB, on white where it is transparent."""
    with open_picture(path) as image, decoding():
        longest = max(frame) * _DRAFT_FROM
        if max(image.size) > longest:
            image.draft("RGB", (longest, longest))
        upright = ImageOps.exif_transpose(image)
        if upright.mode in ("RGBA", "LA", "PA") or "transparency" in upright.info:
            clear = upright.convert("RGBA")
            flat = Image.new("RGB", clear.size, _WHITE)
            flat.paste(clear, mask=clear.getchannel("A"))
            return flat
        if upright.mode.startswith("I;16") or upright.mode in ("I", "F"):
            return _from_deep_grey(upright)
        return upright.convert("RGB")


def _from_deep_grey(image: Image.Image) -> Image.Image:
    values = np.nan_to_num(np.asarray(image, dtype=np.float32))
    most = 65535.0 if values.max(initial=0.0) > 255 else 255.0
    if image.mode == "F" and values.max(initial=0.0) <= 1:
        most = 1.0
    grey = np.clip(values * (255 / most), 0, 255).astype(np.uint8)
    return Image.fromarray(grey).convert("RGB")


def _on_ground(image: Image.Image, frame: tuple[int, int], *, is_still: bool) -> Image.Image:
    """Return the picture on a ground in the colour of its edges, whole also in the nearest view."""
    enlarge = 1.0 if is_still else 1 / (1 - MAX_ZOOM)
    width, height = (max(1, round(side * enlarge)) for side in frame)
    scale = min(frame[0] / image.width, frame[1] / image.height) * (1 if is_still else _ROOM)
    inner = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    ground = Image.new("RGB", (width, height), _edge_colour(image))
    scaled = image.resize(inner, Image.Resampling.LANCZOS)
    ground.paste(scaled, ((width - inner[0]) // 2, (height - inner[1]) // 2))
    return ground


def _edge_colour(image: Image.Image) -> tuple[int, int, int]:
    pixels = np.asarray(image.resize((32, 32), Image.Resampling.BOX))
    edges = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    red, green, blue = (int(value) for value in np.median(edges, axis=0))
    return red, green, blue


def _reduced(
    image: Image.Image, motion: Motion, frame: tuple[int, int], seconds: float
) -> Image.Image:
    """Return the picture with no more pixels than the nearest view of it has."""
    move = move_over(motion, image.size, frame, seconds)
    narrowest = min(box[2] - box[0] for box in (move.start, move.end))
    scale = frame[0] / narrowest
    if scale >= 1:
        return image
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
