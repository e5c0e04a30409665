"""Encodes a film as a picture that moves and repeats: GIF or WebP."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_CENTISECOND = Fraction(1, 100)
_MILLISECOND = Fraction(1, 1000)


def write_moving_picture(
    frames: Iterable[NDArray[np.uint8]],
    target: Path,
    size: tuple[int, int],
    rate: Fraction,
    quality: int,
) -> None:
    """Write frames in RGB as the format of the suffix of `target`. Raises `OSError`."""
    import av

    is_gif = target.suffix == ".gif"
    with av.open(str(target), "w", options={"loop": "0", "fflags": "+bitexact"}) as container:
        if is_gif:
            stream: Any = container.add_stream("gif", rate)
            stream.pix_fmt, base = "pal8", _CENTISECOND
            made: Iterator[Any] = _with_palettes(frames, size, rate)
        else:
            options = {"quality": str(quality), "compression_level": "4"}
            stream = container.add_stream("libwebp_anim", rate, options)
            stream.pix_fmt, base = "yuv420p", _MILLISECOND
            made = (av.VideoFrame.from_ndarray(frame, format="rgb24") for frame in frames)
        stream.width, stream.height = size
        stream.time_base = stream.codec_context.time_base = base
        for number, frame in enumerate(made):
            frame.pts, frame.time_base = round(number / rate / base), base
            for packet in stream.encode(frame):
                container.mux_one(packet)
        for packet in stream.encode(None):
            container.mux_one(packet)


def _with_palettes(
    frames: Iterable[NDArray[np.uint8]], size: tuple[int, int], rate: Fraction
) -> Iterator[Any]:
    """Yield frames with at most 256 colours each."""
    import av

    graph: Any = av.filter.Graph()
    source = graph.add_buffer(
        width=size[0], height=size[1], format="rgb24", time_base=1 / rate, name="in"
    )
    split = graph.add("split")
    palette = graph.add("palettegen", "stats_mode=single")
    use = graph.add("paletteuse", "new=1:dither=sierra2_4a")
    sink = graph.add("buffersink")
    source.link_to(split)
    split.link_to(palette, 0, 0)
    split.link_to(use, 1, 0)
    palette.link_to(use, 0, 1)
    use.link_to(sink)
    graph.configure()
    for number, pixels in enumerate(frames):
        frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
        frame.pts, frame.time_base = number, 1 / rate
        graph.push(frame)
        yield from _pulled(graph)
    graph.push(None)
    yield from _pulled(graph)


def _pulled(graph: Any) -> Iterator[Any]:
    import av

    while True:
        try:
            yield graph.pull()
        except (av.error.BlockingIOError, av.error.EOFError):
            return
