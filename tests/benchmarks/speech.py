"""A text read aloud by the app against the network alone in a loop over the same phonemes."""

from __future__ import annotations

import statistics

from studio.kinds.speech import SpeechRequest
from tests.benchmarks.baseline import SPOKEN_TEXT
from tests.benchmarks.headless_app import MODELS, baseline, headless_app
from tests.benchmarks.table import Row, pairs, spread

TARGET = 0.97
REAL_TIME = 3.0


def speech(rounds: int) -> list[Row]:
    """Three passages: preparing, speaking, joining, loudness, encoding and recording them."""
    model = MODELS / "kokoro-82m"
    what = "seconds of sound per second of work ÷ the same network in a bare loop"
    if not (model / "model.onnx").exists():
        return [Row(what, f"≥ {TARGET}", "not measured: no starter voice here", None)]
    with headless_app() as app, baseline("speech", str(model)) as script:

        def ours() -> float:
            return app.run(SpeechRequest(prompt=SPOKEN_TEXT, voice="af_heart"))[0]

        def theirs() -> float:
            return script.run(1, 0)[0]

        ours(), theirs()
        left, right, ratios = pairs(theirs, ours, rounds)
        sound = app.library.assets.recent()[0].duration or 0.0
    ratio = statistics.median(ratios)
    speed = sound / statistics.median(right)
    return [
        Row(what, f"≥ {TARGET}", spread(ratios), ratio >= TARGET, {"ratios": ratios}),
        Row(
            "seconds of sound per second of work, on two cores",
            f"≥ {REAL_TIME:g}",
            f"{speed:.2f}",
            speed >= REAL_TIME,
            {"seconds": right, "bare": left},
        ),
    ]
