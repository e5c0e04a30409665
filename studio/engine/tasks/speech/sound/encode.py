"""Writes samples as WAV, FLAC, Opus or MP3."""

from __future__ import annotations

import wave
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from studio.engine.tasks.speech.sound.loudness import MARGIN, limited
from studio.engine.tasks.speech.voice.load import RATE, Samples

_PART = 10 * RATE
_CODECS = {"flac": ("flac", 0), "opus": ("libopus", 64_000), "mp3": ("libmp3lame", 128_000)}
"""Format → codec of ffmpeg, bits a second."""
_LARGEST = 32767


def encode(samples: Samples, gain: float, path: Path, check: Callable[[], None]) -> None:
    """Write samples, made louder by a factor, in the format of the path's suffix.

    `check` is called at each part, and may raise. Raises `OSError`.
    """
    parts = _parts(samples, gain, check)
    form = path.suffix[1:]
    if form == "wav":
        with path.open("wb") as raw, wave.open(raw, "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE)
            for part in parts:
                file.writeframes(part.astype("<i2").tobytes())
        return
    _encode_with_ffmpeg(parts, form, path)


def _parts(samples: Samples, gain: float, check: Callable[[], None]) -> Iterator[Any]:
    """Yield the samples in 16 bits, a part at a time."""
    for start in range(0, max(len(samples), 1), _PART):
        check()
        begin = max(0, start - MARGIN)
        part = np.asarray(samples[begin : start + _PART + MARGIN]) * np.float32(gain)
        inside = limited(part)[start - begin : start - begin + _PART]
        yield np.rint(np.clip(inside, -1, 1) * _LARGEST).astype(np.int16)


def _encode_with_ffmpeg(parts: Iterator[Any], form: str, path: Path) -> None:
    import av

    codec, bits = _CODECS[form]
    with av.open(str(path), "w", format="ogg" if form == "opus" else form) as container:
        stream: Any = container.add_stream(codec, rate=48_000 if form == "opus" else RATE)
        stream.layout = "mono"
        if bits:
            stream.bit_rate = bits
        context = stream.codec_context
        context.open()
        resampler = av.AudioResampler(context.format, "mono", context.sample_rate)
        done = 0
        for part in parts:
            frame = av.AudioFrame.from_ndarray(part[None], format="s16", layout="mono")
            frame.sample_rate = RATE
            frame.pts = done
            frame.time_base = Fraction(1, RATE)
            done += part.size
            for ready in resampler.resample(frame):
                container.mux(stream.encode(ready))
        for ready in resampler.resample(None):
            container.mux(stream.encode(ready))
        container.mux(stream.encode(None))
