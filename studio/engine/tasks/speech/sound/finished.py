"""Writes a finished sound file: at the loudness wanted, with its waveform and texts in it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from studio.engine.local.job import Job
from studio.engine.tasks.speech.sound.encode import encode
from studio.engine.tasks.speech.sound.loudness import Samples, gain_to, measured_loudness
from studio.formats.pictures.embedded import Embedded
from studio.formats.recipes.recipe_files import writable_format
from studio.formats.sounds import peaks
from studio.formats.sounds.comments import PEAKS


def write_sound(
    job: Job,
    samples: Samples,
    rate: int,
    form: str,
    loudness: float,
    texts: Mapping[str, str] = {},
) -> Path:
    """Return a file of the job with the samples, `form` being its suffix.

    `loudness` is in LUFS. Raises `OSError`, and `JobCancelledError`.
    """
    gain = gain_to(measured_loudness(samples, rate), loudness)
    encoded = job.temporary(f".{form}")
    encode(samples, rate, gain, encoded, job.check)
    embedded = Embedded(texts={**texts, PEAKS: _peaks(samples, gain)})
    target = job.temporary(encoded.suffix)
    with encoded.open("rb") as source, target.open("xb") as file:
        found = writable_format(source)
        assert found is not None
        found.write(source, file, embedded)
    encoded.unlink()
    return target


def _peaks(samples: Samples, gain: float) -> str:
    parts = np.array_split(samples, min(peaks.COUNT, max(1, len(samples))))
    return peaks.to_text(gain * float(np.abs(part).max(initial=0)) for part in parts)
