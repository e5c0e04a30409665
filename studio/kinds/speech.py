"""Speech: a text read aloud by a voice."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

from msgspec import Meta, Struct

from studio.kinds.fields import label
from studio.kinds.kind import Kind, Medium, ModelNeed, WorkTiming
from studio.protocol import ModelRef, Name, Prompt, Recipe, Request, Seed, Sentence, sentence

MAX_SPOKEN = 100_000
"""Characters in one request: about two hours of English, five of Mandarin."""

_MAX_VOICES = 60

_WORKING_MEMORY = 700_000_000
"""Bytes for the longest passage that is spoken in one call."""


class SpeechRequest(Request, Struct, frozen=True, kw_only=True, tag_field="task", tag="speech"):
    """Read a text aloud; row *i* of `count` is spoken by the *i*-th of the voices.

    `voice` is one name or several, separated by commas; an empty one is the model's first voice
    for the language of the text. With more rows than names, other voices of the same language
    follow. `pronunciations` and `cast` are lists of `name=value`, separated by semicolons or
    lines: how words are read, and which voice speaks the paragraphs that begin with `Name:`.
    """

    prompt: Annotated[Prompt, label("Text", "What is read aloud", flags="-p --prompt")]
    voice: Annotated[
        Annotated[str, Meta(max_length=1000)],
        label("Voice", "A voice of the model, or several, separated by commas", flags="--voice"),
    ] = ""
    speed: Annotated[
        Annotated[float, Meta(ge=0.5, le=2.0)],
        label("Speed", "1 is the voice's own", flags="--speed", unit="×", step=0.05, decimals=2),
    ] = 1.0
    format: Annotated[
        Literal["wav", "flac", "opus", "mp3"],
        label("Format", "Of the sound file", flags="--format"),
    ] = "wav"
    pause: Annotated[
        Annotated[float, Meta(ge=0.0, le=5.0)],
        label(
            "Pauses",
            "Silence between paragraphs, in seconds",
            flags="--pause",
            unit=" s",
            step=0.1,
            decimals=1,
        ),
    ] = 0.7
    loudness: Annotated[
        Annotated[float, Meta(ge=-40.0, le=-5.0)],
        label(
            "Loudness",
            "By EBU R128: -16 for podcasts and the web, -23 for broadcasting",
            flags="--loudness",
            unit=" LUFS",
            step=1,
            decimals=1,
        ),
    ] = -16.0
    pronunciations: Annotated[
        Prompt,
        label(
            "Pronunciations",
            "How words are read: word=other spelling, word=pin1 yin1 or word=/phonemes/, separated"
            " by semicolons",
            flags="--pronunciations",
        ),
    ] = ""
    cast: Annotated[
        Prompt,
        label(
            "Cast",
            "Voices of a dialogue, whose paragraphs begin with the name and a colon: name=voice,"
            " separated by semicolons",
            flags="--cast",
        ),
    ] = ""
    model: Annotated[Name, label("Model", "The id or path of a model", flags="--model")] = ""
    seed: Seed | None = None
    count: Annotated[
        Annotated[int, Meta(ge=1, le=_MAX_VOICES)],
        label("Variations", "One for each voice", flags="-n --count"),
    ] = 1


def voices_of(request: SpeechRequest) -> tuple[str, ...]:
    """Return the names in the field `voice`."""
    names = (name.strip() for name in request.voice.replace("，", ",").split(","))
    return tuple(dict.fromkeys(filter(None, names)))


def pairs_of(text: str) -> dict[str, str]:
    """Return the pairs of a list of `name=value`, separated by semicolons or lines."""
    found: dict[str, str] = {}
    for part in text.replace("；", ";").replace("\n", ";").split(";"):
        name, separator, value = part.partition("=")
        if separator and name.strip() and value.strip():
            found[name.strip()] = value.strip()
    return found


def _check(request: SpeechRequest) -> Iterable[tuple[str, Sentence]]:
    if len(request.prompt) > MAX_SPOKEN:
        yield (
            "prompt",
            sentence(
                "The text has {length} characters, and at most {most} are read at a time. Cut it "
                "into chapters, for instance as a table with one row for each.",
                length=f"{len(request.prompt):,}",
                most=f"{MAX_SPOKEN:,}",
            ),
        )
    for name in ("pronunciations", "cast"):
        text = getattr(request, name)
        if text.strip() and not pairs_of(text):
            yield (
                name,
                sentence(
                    "{text} is not a list of name=value, separated by semicolons.",
                    text=repr(text[:60]),
                ),
            )


def _needs(request: SpeechRequest) -> tuple[ModelNeed, ...]:
    named = (*voices_of(request), *pairs_of(request.cast).values())

    def missing(model: ModelRef) -> tuple[str, ...]:
        return tuple(voice for voice in named if model.voices and voice not in model.voices)

    def unsuitable(model: ModelRef) -> Sentence:
        return sentence(
            "The model {name} has no voice {voice}. Choose one of: {voices}.",
            name=model.name,
            voice=next(iter(missing(model)), ""),
            voices=", ".join(model.voices),
        )

    return (
        ModelNeed(
            request.task,
            request.model,
            ("voice",),
            rank=lambda model: None if missing(model) else 0,
            unsuitable=unsuitable,
            none_suitable=sentence(
                "No installed model has the voice {voice}. Choose another voice.",
                voice=next(iter(named), ""),
            ),
        ),
    )


def _work(request: SpeechRequest, _defaults: SpeechRequest) -> float:
    """Return about how many seconds are spoken: four Chinese characters or 14 letters a second."""
    wide = sum(character >= "\u2e80" for character in request.prompt)
    return (wide / 4 + (len(request.prompt) - wide) / 14 + 0.5) / request.speed


def _measured(recipe: Recipe, request: SpeechRequest) -> float:
    return recipe.stats.get("duration", 0.0) or _work(request, request)


def _memory(_model: ModelRef, weights: int, _weight_bytes: int, _size: float | None) -> int:
    return 2 * weights + _WORKING_MEMORY


KIND: Kind[SpeechRequest] = Kind(
    request=SpeechRequest,
    medium=Medium.AUDIO,
    title="Voice",
    icon="audio-lines",
    summary="read a text aloud",
    text_action="Send to Voice",
    formats=("kokoro",),
    hub_tags=("text-to-speech",),
    no_model="There is no voice yet. Install the starter models, or add your own.",
    wrong_model="{name} is not a voice. Choose a model that speaks.",
    task_package="studio.engine.tasks.speech",
    fake="studio.engine.tasks.speech.fake:FAKE",
    workspace="studio.ui.workspaces.speech.speech_tab:SpeechTab",
    timing=WorkTiming(work=_work, measured=_measured),
    has_words=True,
    fallback_name="speech",
    is_seeded=False,
    untimed_fields=frozenset({"seed", "count", "voice", "format", "loudness"}),
    needs=_needs,
    check=_check,
    memory=_memory,
    details=("voice", "speed", "pause", "loudness", "pronunciations", "cast"),
    compared=("voice", "speed", "loudness"),
)
