"""Events from the engine to the app."""

from __future__ import annotations

from typing import TypeAlias

from msgspec import Struct

from studio.protocol.devices import DeviceMemory
from studio.protocol.files import FileRef
from studio.protocol.models import Capabilities
from studio.protocol.problems import Problem
from studio.protocol.recipe import Recipe
from studio.protocol.sentences import Sentence


class Ready(Struct, frozen=True, tag_field="event", tag="ready"):
    """The engine has started and accepts commands. `libraries` maps name → version.

    `device` is the compute device, `memory` its memory before any model is loaded.
    """

    device: str
    libraries: dict[str, str] = {}
    memory: DeviceMemory | None = None


class Accepted(Struct, frozen=True, tag_field="event", tag="accepted"):
    job: str


class Alive(Struct, frozen=True, tag_field="event", tag="alive"):
    """The engine is still working on the command. Sent regularly; the client consumes it."""

    job: str


class NotResponding(Struct, frozen=True, tag_field="event", tag="not_responding"):
    """The engine has sent nothing for `seconds`. It may be stopped, hung or in a long call.

    Created by the client. Of several jobs that run together, `job` is one.
    """

    job: str
    seconds: float


class Responding(Struct, frozen=True, tag_field="event", tag="responding"):
    """The engine responds again after `NotResponding`. Created by the client."""

    job: str


class Loading(Struct, frozen=True, tag_field="event", tag="loading"):
    """A model is being loaded. `fraction` is 0 to 1, None if unknown."""

    job: str
    stage: Sentence
    fraction: float | None = None


class Progress(Struct, frozen=True, tag_field="event", tag="progress"):
    """`step` of `steps` of the whole job are done. `seconds_left` is None while unknown."""

    job: str
    step: int
    steps: int
    seconds_left: float | None = None


class Preview(Struct, frozen=True, tag_field="event", tag="preview"):
    """A small picture of the unfinished row `row`, in a file that the next preview overwrites."""

    job: str
    row: int
    file: FileRef


class TextDelta(Struct, frozen=True, tag_field="event", tag="text"):
    """Text to append to row `row`."""

    job: str
    row: int
    text: str


class AssetReady(Struct, frozen=True, tag_field="event", tag="asset"):
    """Row `row` is finished, in `file`. The recipe is not in the file yet.

    For text, `file` holds the plain answer in UTF-8.
    """

    job: str
    row: int
    file: FileRef
    recipe: Recipe


class RowFailed(Struct, frozen=True, tag_field="event", tag="row_failed"):
    """One row failed; the other rows of the job continue."""

    job: str
    row: int
    problem: Problem


class Warned(Struct, frozen=True, tag_field="event", tag="warning"):
    """A notice about a job, e.g. that a value was adjusted or the memory fallback was used.

    `kind` is an identifier that scripts can rely on: `context_cut`, `size_rounded`, `no_prompt`,
    `alike`, `memory`, `ignored_control`, `out_of_domain`, `metadata`, `scale`, `input`,
    `answer_cut` (an answer reached its maximum length), `prompt_cut`, `unknown_words`.
    """

    job: str
    kind: str
    message: Sentence


class Described(Struct, frozen=True, tag_field="event", tag="described"):
    job: str
    model: str
    capabilities: Capabilities


class Alternative(Struct, frozen=True):
    """What could come next, and how likely the model finds it, from 0 to 1.

    With `ends`, the result ends there.
    """

    text: str
    probability: float
    ends: bool = False


class AlternativesListed(Struct, frozen=True, tag_field="event", tag="alternatives"):
    """What could come after `start`, the likeliest first.

    `start` may be without the last blank of the start that was given, which then belongs to what
    comes next.
    """

    job: str
    start: str
    alternatives: tuple[Alternative, ...]


class TextsEmbedded(Struct, frozen=True, tag_field="event", tag="embedded"):
    """A vector for each text, in order: float32 (little-endian), of length one.

    `tokens` counts what the model has read.
    """

    job: str
    vectors: tuple[bytes, ...]
    tokens: int = 0


class Done(Struct, frozen=True, tag_field="event", tag="done"):
    """The job is complete. `stats` holds e.g. seconds, load_seconds, tokens_per_second."""

    job: str
    stats: dict[str, float] = {}


class Failed(Struct, frozen=True, tag_field="event", tag="failed"):
    """`was_killed` says that the system ended the engine, as it does when memory runs out."""

    job: str
    problem: Problem
    was_killed: bool = False


class Cancelled(Struct, frozen=True, tag_field="event", tag="cancelled"):
    job: str


Event: TypeAlias = (
    Ready
    | Accepted
    | Alive
    | NotResponding
    | Responding
    | Loading
    | Progress
    | Preview
    | TextDelta
    | AssetReady
    | RowFailed
    | Warned
    | Described
    | AlternativesListed
    | TextsEmbedded
    | Done
    | Failed
    | Cancelled
)

FINAL_EVENTS = (Done, Failed, Cancelled)
"""Exactly one of these is the last event of each command with a `job`."""
