"""Loudness by EBU R128, and a limiter for the peaks that a louder sound would clip."""

from __future__ import annotations

import math
import warnings
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyloudnorm
from scipy.ndimage import maximum_filter1d, uniform_filter1d

Samples: TypeAlias = npt.NDArray[np.float32]
"""Shape (samples,) or (samples, channels), -1 to 1."""

_PART = 60
"""Seconds that are measured at a time."""
_SHORTEST = 0.4
"""Seconds; what is shorter has no loudness."""
_CEILING = 10 ** (-1 / 20)
_REACH = 1 / 200
"""Seconds before a peak from which on it is turned down."""
_MOST_GAIN = 30.0
"""Decibels."""


def measured_loudness(samples: Samples, rate: int) -> float | None:
    """Return the integrated loudness in LUFS, None if it is silence or too short.

    Long sounds are measured in parts of a minute, whose energies are averaged.
    """
    meter = pyloudnorm.Meter(rate)
    energy = seconds = 0.0
    for start in range(0, len(samples), _PART * rate):
        part = np.asarray(samples[start : start + _PART * rate], np.float64)
        length = len(part) / rate
        if length <= _SHORTEST:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            loudness = float(meter.integrated_loudness(part))
        if math.isfinite(loudness):
            energy += length * 10 ** (loudness / 10)
            seconds += length
    return 10 * math.log10(energy / seconds) if seconds else None


def gain_to(loudness: float | None, wanted: float) -> float:
    """Return the factor that brings a sound to the wanted loudness."""
    if loudness is None:
        return 1.0
    return float(10 ** (min(wanted - loudness, _MOST_GAIN) / 20))


def margin(rate: int) -> int:
    """Return how many samples before and after a part the limiter must see."""
    return 4 * round(_REACH * rate)


def limited(samples: Samples, rate: int) -> Samples:
    """Return samples whose peaks stay below -1 dBFS, turned down smoothly around them.

    All channels are turned down together, so that nothing moves between them.
    """
    loudest = np.abs(samples) if samples.ndim == 1 else np.abs(samples).max(axis=1, initial=0.0)
    over = np.maximum(loudest / _CEILING, 1.0)
    if over.max(initial=1.0) <= 1.0:
        return samples
    width = 2 * round(_REACH * rate) + 1
    held = maximum_filter1d(over, width)
    divisor = np.maximum(uniform_filter1d(held, width), over)
    return np.asarray(samples / (divisor if samples.ndim == 1 else divisor[:, None]), np.float32)
