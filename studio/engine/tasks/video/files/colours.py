"""The colours of a video: how its samples become RGB and back, and what the file says of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

Frame = NDArray[Any]
"""Shape (height, width, 3), 8 or 16 bits a channel."""

_UNSPECIFIED = 2
_BT709, _FCC, _BT470BG, _SMPTE170M, _SMPTE240M, _BT2020, _BT2020_CONSTANT = 1, 4, 5, 6, 7, 9, 10
_MATRICES = {
    _BT709: 1,
    _FCC: 4,
    _BT470BG: 5,
    _SMPTE170M: 5,
    _SMPTE240M: 7,
    _BT2020: 9,
    _BT2020_CONSTANT: 9,
}
"""Colour spaces as files number them → matrices of the library that converts."""
_LIMITED, _FULL = 1, 2
_STANDARD_HEIGHT, _STANDARD_WIDTH = 576, 1024
"""Largest size of standard definition, whose colours are by BT.601 where a file does not say."""


class Colours(Struct, frozen=True):
    """As files number them (ITU-T H.273), but `range`: 1 is limited, 2 full."""

    space: int
    primaries: int
    transfer: int
    range: int
    bits: int

    @property
    def matrix(self) -> int:
        """The matrix that the converting library uses."""
        return _MATRICES.get(self.space, 5)

    @property
    def is_deep(self) -> bool:
        """Whether 8 bits a channel are too few."""
        return self.bits > 8


def colours_of(context: Any) -> Colours:
    """Return the colours of a stream; what it does not say is what players assume."""
    space = int(context.colorspace)
    pixel_format = context.format
    is_rgb = pixel_format is not None and pixel_format.is_rgb
    if space not in _MATRICES:
        is_small = context.height <= _STANDARD_HEIGHT and context.width <= _STANDARD_WIDTH
        space = _SMPTE170M if is_small and not is_rgb else _BT709
    bits = max((part.bits for part in pixel_format.components), default=8) if pixel_format else 8
    is_full = int(context.color_range) == _FULL or "yuvj" in (context.pix_fmt or "")
    return Colours(
        space,
        int(context.color_primaries),
        int(context.color_trc),
        _FULL if is_full else _LIMITED,
        bits,
    )


def to_rgb(frame: Any, colours: Colours, width: int, height: int) -> Frame:
    """Return a decoded frame as RGB, in 16 bits if it has more than 8."""
    converted = frame.reformat(
        width=width,
        height=height,
        format="rgb48le" if colours.is_deep else "rgb24",
        src_colorspace=colours.matrix,
        src_color_range=colours.range,
        dst_color_range=_FULL,
        interpolation=_careful(),
    )
    pixels: Frame = converted.to_ndarray()
    return np.ascontiguousarray(pixels)


def to_frame(pixels: Frame, colours: Colours, pixel_format: str) -> Any:
    """Return RGB pixels as a frame for an encoder."""
    import av

    form = "rgb48le" if pixels.dtype == np.uint16 else "rgb24"
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format=form)
    return for_encoder(frame, colours, pixel_format, source_range=_FULL)


def for_encoder(
    frame: Any, colours: Colours, pixel_format: str, *, source_range: int = 0, size: Any = None
) -> Any:
    """Return a frame in the format of an encoder, with the colours of the video."""
    source_range = source_range or colours.range
    width, height = size or (frame.width, frame.height)
    made = frame.reformat(
        width=width,
        height=height,
        format=pixel_format,
        src_colorspace=colours.matrix,
        dst_colorspace=colours.matrix,
        src_color_range=source_range,
        dst_color_range=colours.range,
        interpolation=_careful(),
    )
    made.colorspace = colours.space
    made.color_range = colours.range
    made.color_primaries = colours.primaries
    made.color_trc = colours.transfer
    return made


def _careful() -> Any:
    from av.video.reformatter import Interpolation

    return (
        Interpolation.BICUBIC
        | Interpolation.ACCURATE_RND
        | Interpolation.FULL_CHR_H_INT
        | Interpolation.FULL_CHR_H_INP
        | Interpolation.BITEXACT
    )
