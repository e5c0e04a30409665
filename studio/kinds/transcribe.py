"""Transcribe: what is said in a recording, as text with the time of each word."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePath
from typing import Annotated

from msgspec import Meta, Struct

from studio.formats.sounds.spoken_languages import CODES, code_of
from studio.kinds.fields import label
from studio.kinds.kind import Kind, Medium, ModelNeed, WorkTiming
from studio.protocol import InputFile, ModelRef, Name, Recipe, Request, Seed, Sentence, sentence

_WORKING_MEMORY = 400_000_000
"""Bytes for half a minute of sound, its features, and the search for the best words."""


class TranscribeRequest(
    Request, Struct, frozen=True, kw_only=True, tag_field="task", tag="transcribe"
):
    """Write down what is said in a sound or a video. Without a `language`, the model finds it."""

    input: Annotated[InputFile, label("From", "Sounds and videos, or folders that contain them")]
    language: Annotated[
        Annotated[str, Meta(max_length=40)],
        label(
            "Language",
            "What is spoken, by its code or name, such as en or Chinese; empty to find out",
            flags="--language",
        ),
    ] = ""
    model: Annotated[Name, label("Model", "The id or path of a model", flags="--model")] = ""
    count: Annotated[int, Meta(ge=1, le=1)] = 1
    seed: Seed | None = None


def _check(request: TranscribeRequest) -> Iterable[tuple[str, Sentence]]:
    if request.language.strip() and not code_of(request.language):
        yield (
            "language",
            sentence(
                "{language} is no language that the models know. Give its code, such as {codes}.",
                language=repr(request.language),
                codes=", ".join(CODES[:8]),
            ),
        )


def _needs(request: TranscribeRequest) -> tuple[ModelNeed, ...]:
    language = code_of(request.language)

    def rank(model: ModelRef) -> int | None:
        return None if language and model.languages and language not in model.languages else 0

    def unsuitable(model: ModelRef) -> Sentence:
        return sentence(
            "The model {name} understands only {known}, not {language}. Choose another model.",
            name=model.name,
            known=", ".join(model.languages),
            language=language,
        )

    none = sentence(
        "No installed model understands the language {language}. Get one in Models, for instance "
        "Whisper small.",
        language=language,
    )
    return (
        ModelNeed(
            request.task,
            request.model,
            ("transcriber",),
            rank=rank,
            unsuitable=unsuitable,
            none_suitable=none,
        ),
    )


def _measured(recipe: Recipe, _request: TranscribeRequest) -> float:
    return recipe.stats.get("source_duration", 0.0)


def _memory(_model: ModelRef, weights: int, _weight_bytes: int, _size: float | None) -> int:
    return 2 * weights + _WORKING_MEMORY


def _name_parts(request: TranscribeRequest) -> tuple[str, str]:
    return PurePath(request.input.path).stem, ""


KIND: Kind[TranscribeRequest] = Kind(
    request=TranscribeRequest,
    medium=Medium.TEXT,
    title="Transcribe",
    icon="captions",
    summary="write down what is said in sounds and videos",
    action="Send to Transcribe",
    accepts=Medium.AUDIO,
    accepts_also=(Medium.VIDEO,),
    accepts_many=True,
    has_words=True,
    formats=("ctranslate2",),
    hub_tags=("automatic-speech-recognition",),
    no_model="There is no model yet that understands speech. Install the starter models, or add "
    "your own.",
    wrong_model="{name} does not understand speech. Choose a Whisper model.",
    task_package="studio.engine.tasks.transcribe",
    fake="studio.engine.tasks.transcribe.fake:FAKE",
    workspace="studio.ui.workspaces.transcribe.transcribe_tab:TranscribeTab",
    timing=WorkTiming(
        work=lambda *_: 0.0,
        measured=_measured,
        input=lambda request: request.input,
        by_seconds=True,
    ),
    fallback_name="recording",
    is_seeded=False,
    needs_prompt=False,
    untimed_fields=frozenset({"seed", "language"}),
    needs=_needs,
    check=_check,
    memory=_memory,
    details=("input", "language"),
    compared=("language",),
    name_parts=_name_parts,
)
