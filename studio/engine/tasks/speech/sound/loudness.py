"""Loudness by EBU R128, and a limiter for the peaks that a louder sound would clip."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pyloudnorm
from scipy.ndimage import maximum_filter1d, uniform_filter1d

from studio.engine.tasks.speech.voice.load import RATE, Samples

_PART = 60
"""Seconds that are measured at a time."""
_SHORTEST = 0.4
"""Seconds; what is shorter has no loudness."""
_CEILING = 10 ** (-1 / 20)
_REACH = RATE // 200
"""Samples before a peak from which on it is turned down."""
MARGIN = 4 * _REACH
"""Samples before and after a part that the limiter must see."""
_MOST_GAIN = 30.0
"""Decibels."""


def measured_loudness(samples: Samples) -> float | None:
    """Return the integrated loudness in LUFS, None if it is silence or too short.

    Long sounds are measured in parts of a minute, whose energies are averaged.
    """
    meter = pyloudnorm.Meter(RATE)
    energy = seconds = 0.0
    for start in range(0, len(samples), _PART * RATE):
        part = np.asarray(samples[start : start + _PART * RATE], np.float64)
        length = len(part) / RATE
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


def limited(samples: Samples) -> Samples:
    """Return samples whose peaks stay below -1 dBFS, turned down smoothly around them."""
    over = np.maximum(np.abs(samples) / _CEILING, 1.0)
    if over.max() <= 1.0:
        return samples
    held = maximum_filter1d(over, 2 * _REACH + 1)
    smooth = uniform_filter1d(held, 2 * _REACH + 1)
    return np.asarray(samples / np.maximum(smooth, over), np.float32)
