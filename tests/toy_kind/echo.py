"""Echo: a kind that reads a sound, chooses among values, and can do without a prompt text."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Struct

from studio.kinds.fields import label
from studio.kinds.kind import Kind, Medium, WorkTiming
from studio.protocol import Count, InputFile, Name, Prompt, Request, Seed


class EchoRequest(Request, Struct, frozen=True, kw_only=True, tag_field="task", tag="echo"):
    """Repeat a sound `times` times."""

    input: Annotated[InputFile, label("From", "Sounds, or folders of them")]
    prompt: Annotated[Prompt, label("Prompt", "A name for it", flags="-p --prompt")] = "echo"
    times: Annotated[Literal[1, 5], label("Times", flags="--times")] = 1
    model: Name = ""
    seed: Seed | None = None
    count: Count = 1


KIND: Kind[EchoRequest] = Kind(
    request=EchoRequest,
    medium=Medium.AUDIO,
    accepts=Medium.AUDIO,
    title="Echo",
    icon="play",
    summary="repeat a sound",
    formats=(),
    no_model="There is no echo model.",
    wrong_model="{name} makes no echo.",
    task_package="tests.toy_kind.task",
    fake="tests.toy_kind.fake:FAKE",
    workspace="tests.toy_kind.tone_tab:ToneTab",
    timing=WorkTiming(work=lambda *_: 1.0, measured=lambda *_: 1.0),
    needs=lambda _: (),
    memory=lambda _model, weights, _weight, _size: weights,
)
