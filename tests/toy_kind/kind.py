"""Tone: a sound of one pitch, named by a prompt."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from studio.kinds.fields import label
from studio.kinds.kind import Kind, Medium, WorkTiming
from studio.protocol import Count, ModelRef, Name, Prompt, Request, Seed


class ToneRequest(Request, Struct, frozen=True, kw_only=True, tag_field="task", tag="tone"):
    """Ask for `count` sounds; row *i* is louder by its seed, `seed + i`. `pitch` is in Hz."""

    prompt: Annotated[Prompt, label("Prompt", "What it is called", flags="-p --prompt")]
    pitch: Annotated[
        Annotated[int, Meta(ge=20, le=20_000)],
        label("Pitch", "Higher is shriller", flags="--pitch", unit=" Hz", step=10),
    ] = 440
    model: Annotated[Name, label("Model", flags="--model")] = ""
    seed: Annotated[Seed | None, label("Seed", flags="--seed")] = None
    count: Annotated[Count, label("Variations", flags="-n --count")] = 1


def _memory(_model: ModelRef, weights: int, _weight: int, _size: float | None) -> int:
    return weights


KIND: Kind[ToneRequest] = Kind(
    request=ToneRequest,
    medium=Medium.AUDIO,
    title="Tone",
    icon="play",
    summary="make a sound of one pitch",
    action="Send to Tone",
    formats=(),
    no_model="There is no tone model.",
    wrong_model="{name} makes no tones.",
    task_package="tests.toy_kind.task",
    fake="tests.toy_kind.fake:FAKE",
    workspace="tests.toy_kind.tone_tab:ToneTab",
    timing=WorkTiming(work=lambda *_: 1.0, measured=lambda *_: 1.0),
    fallback_name="tone",
    needs=lambda _: (),
    memory=_memory,
    details=("seed", "pitch"),
    compared=("pitch",),
)
