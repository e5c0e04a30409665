"""Writes samples as WAV, FLAC, Opus or MP3."""

from __future__ import annotations

import wave
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from studio.engine.tasks.speech.sound.loudness import Samples, limited, margin

_PART_SECONDS = 10
_CODECS = {"flac": ("flac", 0), "opus": ("libopus", 64_000), "mp3": ("libmp3lame", 128_000)}
"""Format → codec of ffmpeg, bits a second of one channel."""
_LAYOUTS = {1: "mono", 2: "stereo"}
_LARGEST = 32767


def encode(samples: Samples, rate: int, gain: float, path: Path, check: Callable[[], None]) -> None:
    """Write samples, made louder by a factor, in the format of the path's suffix.

    `rate` is in samples a second. `check` is called at each part, and may raise. Raises `OSError`.
    """
    parts = _parts(samples, rate, gain, check)
    channels = 1 if samples.ndim == 1 else samples.shape[1]
    form = path.suffix[1:]
    if form == "wav":
        with path.open("wb") as raw, wave.open(raw, "wb") as file:
            file.setnchannels(channels)
            file.setsampwidth(2)
            file.setframerate(rate)
            for part in parts:
                file.writeframes(part.astype("<i2").tobytes())
        return
    _encode_with_ffmpeg(parts, rate, _LAYOUTS[channels], form, path)


def _parts(samples: Samples, rate: int, gain: float, check: Callable[[], None]) -> Iterator[Any]:
    """Yield the samples in 16 bits, a part at a time."""
    length, around = _PART_SECONDS * rate, margin(rate)
    for start in range(0, max(len(samples), 1), length):
        check()
        begin = max(0, start - around)
        part = np.asarray(samples[begin : start + length + around]) * np.float32(gain)
        inside = limited(part, rate)[start - begin : start - begin + length]
        yield np.rint(np.clip(inside, -1, 1) * _LARGEST).astype(np.int16)


def _encode_with_ffmpeg(
    parts: Iterator[Any], rate: int, layout: str, form: str, path: Path
) -> None:
    import av

    codec, bits = _CODECS[form]
    with av.open(str(path), "w", format="ogg" if form == "opus" else form) as container:
        stream: Any = container.add_stream(codec, rate=48_000 if form == "opus" else rate)
        stream.layout = layout
        if bits:
            stream.bit_rate = bits * (1 if layout == "mono" else 2)
        context = stream.codec_context
        context.open()
        resampler = av.AudioResampler(context.format, layout, context.sample_rate)
        done = 0
        for part in parts:
            packed = np.ascontiguousarray(part).reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(packed, format="s16", layout=layout)
            frame.sample_rate = rate
            frame.pts = done
            frame.time_base = Fraction(1, rate)
            done += len(part)
            for ready in resampler.resample(frame):
                container.mux(stream.encode(ready))
        for ready in resampler.resample(None):
            container.mux(stream.encode(ready))
        container.mux(stream.encode(None))
