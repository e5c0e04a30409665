"""What the engine reports to the app."""

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
    """The engine has imported what it needs to take commands. `libraries` name → version.

    `device` is the one that it computes on, `memory` that device's, before anything is loaded.
    """

    device: str
    libraries: dict[str, str] = {}
    memory: DeviceMemory | None = None


class Accepted(Struct, frozen=True, tag_field="event", tag="accepted"):
    job: str


class Loading(Struct, frozen=True, tag_field="event", tag="loading"):
    """A model is being loaded. `fraction` 0 to 1, or None when it cannot be told."""

    job: str
    stage: Sentence
    fraction: float | None = None


class Progress(Struct, frozen=True, tag_field="event", tag="progress"):
    """`step` of `steps` done over the whole job. `seconds_left` None until it can be told."""

    job: str
    step: int
    steps: int
    seconds_left: float | None = None


class Preview(Struct, frozen=True, tag_field="event", tag="preview"):
    """A small picture of row `row` as it is now, in a file that the next preview replaces."""

    job: str
    row: int
    file: FileRef


class TextDelta(Struct, frozen=True, tag_field="event", tag="text"):
    """New text at the end of row `row`."""

    job: str
    row: int
    text: str


class AssetReady(Struct, frozen=True, tag_field="event", tag="asset"):
    """Row `row` is finished and lies in `file`. The recipe has not yet been written into it.

    For text, `file` holds the plain answer in UTF-8.
    """

    job: str
    row: int
    file: FileRef
    recipe: Recipe


class RowFailed(Struct, frozen=True, tag_field="event", tag="row_failed"):
    """One row failed while the others of its job go on."""

    job: str
    row: int
    problem: Problem


class Warned(Struct, frozen=True, tag_field="event", tag="warning"):
    """Something was changed or is worth knowing, e.g. a step of the memory ladder.

    `kind` is a short English word that scripts can rely on: `context_cut`, `size_rounded`,
    `no_prompt`, `alike`, `memory`, `ignored_control`, `out_of_domain`, `metadata`, `scale`,
    `input`, `answer_cut` (a text reached the longest length that it may have).
    """

    job: str
    kind: str
    message: Sentence


class Described(Struct, frozen=True, tag_field="event", tag="described"):
    job: str
    model: str
    capabilities: Capabilities


class Done(Struct, frozen=True, tag_field="event", tag="done"):
    """The job ended by itself. `stats` e.g. seconds, load_seconds, tokens_per_second."""

    job: str
    stats: dict[str, float] = {}


class Failed(Struct, frozen=True, tag_field="event", tag="failed"):
    job: str
    problem: Problem


class Cancelled(Struct, frozen=True, tag_field="event", tag="cancelled"):
    job: str


Event: TypeAlias = (
    Ready
    | Accepted
    | Loading
    | Progress
    | Preview
    | TextDelta
    | AssetReady
    | RowFailed
    | Warned
    | Described
    | Done
    | Failed
    | Cancelled
)

FINAL_EVENTS = (Done, Failed, Cancelled)
"""Each command with a `job` is answered by exactly one of these, last."""
