"""A recording written down by the app against the same model in a bare loop over the same file."""

from __future__ import annotations

import statistics

from studio.kinds.speech import SpeechRequest
from studio.kinds.transcribe import TranscribeRequest
from studio.protocol import InputFile
from tests.benchmarks.baseline import SPOKEN_TEXT
from tests.benchmarks.headless_app import MODELS, baseline, headless_app
from tests.benchmarks.table import Row, pairs, spread

TARGET = 0.97
REAL_TIME = 3.0
_TIMES = 4
"""How often the text is spoken: more than one part of the recording."""


def transcribe(rounds: int) -> list[Row]:
    """A minute that the starter voice speaks: hearing, cutting, writing down, recording."""
    model = MODELS / "whisper-tiny-en"
    what = "seconds of sound per second of transcribing ÷ the same model in a bare loop"
    if not (model / "model.bin").exists() or not (MODELS / "kokoro-82m" / "model.onnx").exists():
        return [Row(what, f"≥ {TARGET}", "not measured: no starter models here", None)]
    worked: list[float] = []
    bare: list[float] = []
    with headless_app() as app:
        text = "\n\n".join([SPOKEN_TEXT] * _TIMES)
        app.run(SpeechRequest(prompt=text, voice="af_heart"))
        spoken = app.library.assets.recent()[0]
        request = TranscribeRequest(input=InputFile(str(spoken.path)), model=str(model))
        with baseline("transcribe", str(model), str(spoken.path)) as script:

            def ours() -> float:
                before = app.processor_seconds()
                seconds = app.run(request)[0]
                worked.append(app.processor_seconds() - before)
                return seconds

            def theirs() -> float:
                answer = script.answer(1, 0)
                bare.append(answer["processor"])
                return float(answer["seconds"])

            ours(), theirs()
            left, right, ratios = pairs(theirs, ours, rounds)
    work = [one / other for one, other in zip(bare[1:], worked[1:], strict=True)]
    ratio = statistics.median(ratios)
    speed = (spoken.duration or 0.0) / statistics.median(right)
    return [
        Row(
            what,
            f"≥ {TARGET}",
            f"{spread(ratios)}; of processor time {spread(work)}",
            ratio >= TARGET,
            {"ratios": ratios, "processor": work},
        ),
        Row(
            "seconds of sound per second of transcribing, on two cores",
            f"≥ {REAL_TIME:g}",
            f"{speed:.2f}",
            speed >= REAL_TIME,
            {"seconds": right, "bare": left},
        ),
    ]
