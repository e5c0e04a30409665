"""Small real videos with known motion, sound and other streams, made with PyAV."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from studio.settings import RESOURCES

Frame = NDArray[np.uint8]

TICKS = 1000


def moving(count: int, width: int, height: int, picture: str = "astronaut") -> Iterator[Frame]:
    """Yield the frames of a pan over a photograph, 4 pixels across and 2 down each."""
    with Image.open(RESOURCES / "demo" / f"{picture}.png") as image:
        side = max(width + 4 * count, height + 2 * count, 200)
        large = np.asarray(image.convert("RGB").resize((side, side), Image.Resampling.BICUBIC))
    for number in range(count):
        part = large[2 * number : 2 * number + height, 4 * number : 4 * number + width]
        yield np.ascontiguousarray(part)


def write_video(
    path: Path,
    frames: Sequence[Frame] | None = None,
    *,
    count: int = 12,
    size: tuple[int, int] = (96, 64),
    rate: int = 12,
    codec: str = "libx264",
    pixel_format: str = "yuv420p",
    options: dict[str, str] | None = None,
    times: Sequence[int] | None = None,
    sound: str = "",
    layout: str = "stereo",
    subtitles: int = 0,
    rotation: int = 0,
    colours: tuple[int, int, int] | None = None,
) -> Path:
    """Write a video. `times` are in thousandths of the usual interval; `colours` are the space,
    primaries and transfer of ITU-T H.273."""
    import av

    shown = list(frames) if frames is not None else list(moving(count, *size))
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(
            codec, rate=rate, options=options if options is not None else {"crf": "10"}
        )
        stream.height, stream.width = shown[0].shape[:2]
        stream.pix_fmt = pixel_format
        stream.codec_context.time_base = Fraction(1, rate * TICKS)
        if colours is not None:
            context = stream.codec_context
            context.colorspace, context.color_primaries, context.color_trc = colours
        if rotation:
            stream.set_display_rotation(rotation)
        audio: Any = None
        if sound:
            audio = container.add_stream(sound, rate=48_000)
            audio.layout = layout
            audio.metadata["language"] = "deu"
        texts = [container.add_mux_stream("subrip") for _ in range(subtitles)]
        for number, text in enumerate(texts):
            text.time_base = Fraction(1, 1000)
            text.metadata["title"] = f"Text {number}"
        container.start_encoding()
        for number, text in enumerate(texts):
            packet = av.Packet(f"Line {number}".encode())
            packet.pts = packet.dts = 100
            packet.duration = 500
            packet.time_base = text.time_base
            packet.stream = text
            container.mux_one(packet)
        for number, pixels in enumerate(shown):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format=pixel_format)
            frame.pts = times[number] if times is not None else number * TICKS
            frame.time_base = stream.codec_context.time_base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if audio is not None:
            _write_tone(container, audio, len(shown) / rate, layout)
    return path


def _write_tone(container: Any, stream: Any, seconds: float, layout: str) -> None:
    import av

    context = stream.codec_context
    wave = 0.3 * np.sin(np.arange(int(48_000 * seconds)) * 0.05).astype(np.float32)
    channels = len(context.layout.channels)
    frame = av.AudioFrame.from_ndarray(np.tile(wave, (channels, 1)), format="fltp", layout=layout)
    frame.sample_rate, frame.pts, frame.time_base = 48_000, 0, Fraction(1, 48_000)
    resampler = av.AudioResampler(context.format, layout, 48_000)
    for ready in (*resampler.resample(frame), *resampler.resample(None)):
        container.mux(stream.encode(ready))
    container.mux(stream.encode(None))


def read_frames(path: Path) -> tuple[list[Frame], list[Fraction]]:
    """Return the frames of a video and when each is shown."""
    import av

    frames: list[Frame] = []
    times: list[Fraction] = []
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            assert frame.pts is not None and frame.time_base is not None
            frames.append(frame.to_ndarray(format="rgb24"))
            times.append(frame.pts * Fraction(frame.time_base))
    return frames, times


def stream_hashes(path: Path, kind: str) -> list[str]:
    """Return the hash of the packets of each stream of a kind: audio, subtitle or video."""
    import av

    with av.open(str(path)) as container:
        wanted = [stream for stream in container.streams if stream.type == kind]
        digests = {stream.index: hashlib.sha256() for stream in wanted}
        for packet in container.demux(wanted) if wanted else ():
            if packet.size:
                digests[packet.stream_index].update(bytes(packet))
        return [digest.hexdigest() for digest in digests.values()]


def psnr(one: Frame, other: Frame) -> float:
    """Return how alike two frames are, in dB."""
    error = float(np.mean((one.astype(np.float64) - other.astype(np.float64)) ** 2))
    return float(10 * np.log10(255**2 / max(error, 1e-9)))


def write_mixing_rife(path: Path) -> Path:
    """Write a smoothing model that mixes two frames half and half: all its weights are 0."""
    import torch

    from studio.engine.tasks.video.models.rife import Rife

    path.parent.mkdir(parents=True, exist_ok=True)
    weights = {name: torch.zeros_like(value) for name, value in Rife().state_dict().items()}
    torch.save({f"module.{name}": value for name, value in weights.items()}, path)
    return path


def write_doubling_upscaler(path: Path) -> Path:
    """Write an upscaler that repeats each pixel: all its weights are 0."""
    import torch
    from spandrel.architectures.Compact import Compact

    path.parent.mkdir(parents=True, exist_ok=True)
    network = Compact(num_feat=8, num_conv=2, upscale=2)
    zero = {name: torch.zeros_like(value) for name, value in network.state_dict().items()}
    torch.save(zero, path)
    return path


def write_film(path: Path) -> Path:
    """Write an MP4 with a title, two chapters, a cover and a subtitle."""
    import av
    from av.stream import Disposition

    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx264", rate=12)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        text: Any = container.add_mux_stream("mov_text")
        text.time_base = Fraction(1, 1000)
        cover: Any = container.add_stream("png")
        cover.width, cover.height, cover.pix_fmt = 16, 16, "rgb24"
        cover.disposition = Disposition.attached_pic
        container.metadata["title"] = "狐狸"
        container.set_chapters(
            [
                {
                    "id": number,
                    "start": 500 * number,
                    "end": 500 * number + 500,
                    "time_base": Fraction(1, 1000),
                    "metadata": {"title": title},
                }
                for number, title in enumerate(("Anfang", "Ende"))
            ]
        )
        container.start_encoding()
        black = av.VideoFrame.from_ndarray(np.zeros((16, 16, 3), np.uint8), format="rgb24")
        container.mux(cover.encode(black))
        container.mux(cover.encode(None))
        data = b"\0\5Hallo"
        packet = av.Packet(data)
        packet.pts = packet.dts = 400
        packet.duration, packet.time_base, packet.stream = 300, text.time_base, text
        container.mux_one(packet)
        for number, pixels in enumerate(moving(12, 64, 48)):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 12)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path
