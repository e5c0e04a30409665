"""A job through the app against the same call in a plain script, both warm."""

from __future__ import annotations

import itertools
import statistics
import tempfile
from pathlib import Path

from PIL import Image

from studio.kinds.image import ImageRequest
from studio.kinds.text import TextRequest
from studio.kinds.upscale import UpscaleRequest
from studio.protocol import InputFile
from tests.benchmarks.baseline import ICONS, PENALTY, PROMPT, TEMPERATURE, TOP_K, TOP_P
from tests.benchmarks.headless_app import MODELS, PHOTOGRAPH, baseline, headless_app
from tests.benchmarks.table import Row, pairs, spread

TARGET = 1.03


def _row(what: str, ours: list[float], ratios: list[float], unit: str) -> Row:
    ratio = statistics.median(ratios)
    return Row(
        f"{what} through the app ÷ bare call, warm",
        f"≤ {TARGET}",
        f"{spread(ratios)}; {statistics.median(ours):.3f} s {unit}",
        ratio <= TARGET,
        {"ratios": ratios, "seconds": ours},
    )


def _story(count: int) -> TextRequest:
    """Return the request for what the baseline writes, sampled in the same way."""
    return TextRequest(
        prompt=PROMPT,
        model="smollm2-135m-instruct",
        max_tokens=96,
        seed=7,
        count=count,
        temperature=TEMPERATURE,
        top_p=TOP_P,
        top_k=TOP_K,
        repetition_penalty=PENALTY,
    )


def text(rounds: int) -> Row:
    """Seconds per token of one answer of up to 96 tokens."""
    model = MODELS / "smollm2-135m-instruct"
    with headless_app() as app, baseline("text", str(model)) as script:

        def ours() -> float:
            seconds, tokens = app.run(_story(1))
            return seconds / tokens

        def theirs() -> float:
            seconds, tokens = script.run(1, 96)
            return seconds / tokens

        ours(), theirs()
        left, _, ratios = pairs(ours, theirs, rounds)
    return _row("text job", left, ratios, "a token")


def image(rounds: int) -> Row:
    """One icon of 128×128, 20 steps, with the starter image model; another thing each time."""
    model = MODELS / "starter-icons"
    if not (model / "model_index.json").exists():
        return Row(
            "image job through the app ÷ bare call, warm",
            f"≤ {TARGET}",
            "not measured: no starter image model here",
            None,
        )
    prompts = itertools.cycle(ICONS)
    with headless_app() as app, baseline("image", str(model)) as script:

        def ours() -> float:
            request = ImageRequest(
                prompt=next(prompts),
                model="starter-icons",
                steps=20,
                width=128,
                height=128,
                guidance_scale=1.0,
                seed=7,
            )
            return app.run(request)[0]

        def theirs() -> float:
            return script.run(1, 20)[0]

        ours(), theirs()
        left, _, ratios = pairs(ours, theirs, rounds)
    return _row("image job (128×128, 20 steps)", left, ratios, "a picture")


def upscale(rounds: int) -> Row:
    """A square of 128 px ×2, one tile, bf16 on both sides where the CPU has it."""
    model = MODELS / "dat-light-x2"
    with (
        tempfile.TemporaryDirectory() as folder,
        headless_app() as app,
        baseline("upscale", str(model), str(PHOTOGRAPH)) as script,
    ):
        crop = Path(folder) / "crop.png"
        Image.open(PHOTOGRAPH).convert("RGB").crop((0, 0, 128, 128)).save(crop)

        def ours() -> float:
            request = UpscaleRequest(input=InputFile(str(crop)), scale=2, model="dat-light-x2")
            return app.run(request)[0]

        def theirs() -> float:
            return script.run(1, 128)[0]

        ours(), theirs()
        left, _, ratios = pairs(ours, theirs, rounds)
    return _row("upscale job (128×128 ×2)", left, ratios, "a picture")


def variations(rounds: int) -> Row:
    """Tokens per second of eight variations in one batch ÷ eight slots of llama.cpp, bare."""
    model = MODELS / "smollm2-135m-instruct"
    with headless_app() as app, baseline("text", str(model)) as script:

        def together() -> float:
            seconds, tokens = app.run(_story(8))
            return tokens / seconds

        def slots() -> float:
            seconds, tokens = script.run(8, 96)
            return tokens / seconds

        together(), slots()
        left, right, ratios = pairs(together, slots, rounds)
    return Row(
        "8 text variations, tokens/s ÷ eight slots of llama.cpp, bare",
        "≥ 1.0",
        f"{spread(ratios)}; {statistics.median(left):.0f} against {statistics.median(right):.0f}",
        statistics.median(ratios) >= 1.0,
        {"ratios": ratios, "together": left, "slots": right},
    )


def together(rounds: int) -> Row:
    """Tokens per second of sixteen rows of a table in one batch ÷ the same rows in turn."""
    things = ("a fox", "a bicycle", "the sea", "an old clock")
    tasks = (
        "Write a haiku about {}.",
        "Explain {} to a child.",
        "Name three uses of {}, briefly.",
        "Begin a story in which {} is lost and found again after many years.",
    )
    requests = [
        TextRequest(
            prompt=task.format(thing),
            model="smollm2-135m-instruct",
            max_tokens=64,
            seed=number,
        )
        for number, (thing, task) in enumerate(itertools.product(things, tasks))
    ]
    with headless_app() as app:

        def at_once() -> float:
            seconds, tokens = app.run_together(requests)
            return tokens / seconds

        def in_turn() -> float:
            made = [app.run(request) for request in requests]
            return sum(tokens for _, tokens in made) / sum(seconds for seconds, _ in made)

        app.run_together(requests[:2])
        left, right, ratios = pairs(at_once, in_turn, rounds)
    return Row(
        "16 rows of a table with 16 prompts, tokens/s ÷ one after another",
        "≥ 3",
        f"{spread(ratios)}; {statistics.median(left):.0f} against {statistics.median(right):.0f}",
        statistics.median(ratios) >= 3,
        {"ratios": ratios, "together": left, "in_turn": right},
    )
