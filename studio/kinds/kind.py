"""`Kind`: everything that is specific to one kind of work, as a single value."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from typing import Any, Generic, TypeVar, cast

from msgspec import Struct

from studio.kinds.fields import Field, fields_of, input_fields
from studio.protocol import Capabilities, InputFile, ModelRef, ModelRole, Recipe, Request, Sentence

R = TypeVar("R", bound=Request)


class Medium(StrEnum):
    """What a kind produces. The values are stored in the library's index."""

    TEXT = "text"
    PICTURE = "picture"
    AUDIO = "audio"
    VIDEO = "video"
    MODEL = "model"


class BatchTiming(Struct, Generic[R], frozen=True):
    """Timing of rows that are generated in parallel: the longest row determines the time.

    `limit` returns the maximum length of a row, in the unit of `tokens` in recipes;
    `max_batch_rows` is the engine's largest batch.
    """

    limit: Callable[[R], int]
    max_batch_rows: int


class WorkTiming(Struct, Generic[R], frozen=True):
    """Timing of rows that are processed one by one: time is proportional to work, in any unit.

    `work` returns the work of one row; values that the first request leaves open are taken from
    the second. If there is an `input` file, its pixels count instead, or its length `by_seconds`.
    `measured` returns the work of a finished row, from its recipe.
    """

    work: Callable[[R, R], float]
    measured: Callable[[Recipe, R], float]
    input: Callable[[R], InputFile | None] = lambda _: None
    by_seconds: bool = False


class ModelNeed(Struct, frozen=True):
    """A model that a job needs. `name` is an id, a path, or "" for the first suitable one.
    Its role is one of `roles`.

    `rank` returns how well a model suits (0 is best, None is unsuitable). `unsuitable` explains
    why a model given by name is rejected, `none_suitable` that no available model suits.
    """

    task: str
    name: str
    roles: tuple[ModelRole, ...] = ("base",)
    rank: Callable[[ModelRef], int | None] = lambda _: 0
    unsuitable: Callable[[ModelRef], Sentence] | None = None
    none_suitable: Sentence | None = None


class Kind(Struct, Generic[R], frozen=True, kw_only=True):
    """One kind of work. `studio.kinds.registry` holds all of them.

    Attributes:
        request: type of its requests; the tag names the kind in files, tables and commands.
        medium: what it produces.
        title, icon: of its tab and its results. The title is English and a translation key.
        summary: what its command does, for the command line's help.
        action: menu text for sending files to its tab; "" if it accepts none.
        text_action: menu text for sending a text to its tab as the prompt; "" if it takes none.
        accepts, accepts_also, accepts_many: medium of those files, others that it accepts, and
            whether it accepts several at once.
        has_words: whether its results say when each word is said, so that subtitles can be made.
        fallback_name: used in file names if the prompt contains no letters.
        formats: formats of the models that do this work.
        companion_formats: formats of the models that work together with those, such as LoRA.
        hub_tags: what the model hub calls this work (`pipeline_tag`).
        no_model, wrong_model: messages if there is no model of this kind, and if a model belongs
            to another kind (`{name}`).
        task_package: package of the engine task, with `run.run` and optionally
            `together.run_together`.
        describer, converter, alternatives, embedder: `module:function` in the engine, "" for none.
        fake, workspace: `module:name` of the fake engine's part, and of the tab; a kind without a
            tab is for the command line and tables.
        tab_needs_model: whether the tab is shown only once there is a model, or when it is asked
            for.
        is_seeded: whether the seed affects the result.
        needs_prompt: whether the prompt must not be empty.
        max_shared_rows: most rows of several jobs in one call of the model, 0 for no sharing.
        unshared_fields: fields that may differ between jobs that share a call.
        shares_calls: whether a request can share a call at all.
        untimed_fields: fields that do not affect how long a job takes.
        timing: how its duration is estimated.
        check: yields (field, message) for errors that the field types cannot express.
        needs: the models of a request, base model first.
        fallbacks: values of fields that neither the request nor the model determines.
        adapt_defaults: returns the values that suit the model as a request wants them.
        follows_input: fields that follow the input file where there is one, not the model.
        complete: fills in values that the request leaves open, from the model's capabilities.
        size: width and height of the result in pixels, 0 if unknown; None if it has none.
        call_size: what the memory of one call depends on, in the kind's own unit (pixels, tokens),
            0 if unknown; None if it does not depend on the request.
        memory: bytes needed to run a model, without the libraries: (model, bytes of all weights,
            bytes per weight, size of a call or None for a usual one). Linear in the size.
        least_share: the share of the memory above the weights that is left with everything that
            saves memory.
        halves_precision: whether the engine loads a model in 16 bits where it does not fit in 32.
        offloads: whether parts of a model can stay in main memory while it runs on a GPU.
        details, compared: fields shown with a result, and in a comparison of results.
        axes: fields that a matrix can vary; `size` stands for width and height.
        embedded_text: keyword and text that other programs read in a PNG, or None: (recipe,
            width, height).
        columns: names of the columns into which a result is divided in a table of results.
        cells: the cells of a result in these columns, from its text.
        name_parts: text and suffix for a file name, before sanitizing; None to use the prompt.
        listed_as: what a result without a prompt is listed as; None for the prompt of what it was
            made from.
    """

    request: type[R]
    medium: Medium
    title: str
    icon: str
    summary: str
    formats: tuple[str, ...]
    no_model: str
    wrong_model: str
    task_package: str
    fake: str
    workspace: str
    timing: BatchTiming[R] | WorkTiming[R]
    tab_needs_model: bool = False
    companion_formats: tuple[str, ...] = ()
    hub_tags: tuple[str, ...] = ()
    action: str = ""
    text_action: str = ""
    accepts: Medium = Medium.PICTURE
    accepts_also: tuple[Medium, ...] = ()
    accepts_many: bool = False
    has_words: bool = False
    fallback_name: str = ""
    describer: str = ""
    converter: str = ""
    alternatives: str = ""
    embedder: str = ""
    is_seeded: bool = True
    needs_prompt: bool = True
    max_shared_rows: int = 0
    unshared_fields: frozenset[str] = frozenset({"prompt", "seed", "count"})
    shares_calls: Callable[[R], bool] = lambda _: False
    untimed_fields: frozenset[str] = frozenset({"prompt", "seed", "count"})
    check: Callable[[R], Iterable[tuple[str, Sentence]]] = lambda _: ()
    needs: Callable[[R], tuple[ModelNeed, ...]] | None = None
    fallbacks: Mapping[str, Any] = {}
    adapt_defaults: Callable[[R, Mapping[str, Any]], Mapping[str, Any]] = lambda _, values: values
    follows_input: frozenset[str] = frozenset()
    complete: Callable[[R, Capabilities], R] = lambda request, _: request
    size: Callable[[R, Capabilities | None], tuple[int, int]] | None = None
    call_size: Callable[[R, Capabilities | None], float] | None = None
    memory: Callable[[ModelRef, int, int, float | None], int]
    least_share: Callable[[ModelRef, R], float] = lambda *_: 1.0
    halves_precision: bool = False
    offloads: bool = False
    details: tuple[str, ...] = ()
    compared: tuple[str, ...] = ()
    axes: tuple[str, ...] = ()
    embedded_text: Callable[[Recipe, int, int], tuple[str, str] | None] = lambda *_: None
    columns: Callable[[R], tuple[str, ...]] = lambda _: ()
    cells: Callable[[R, str], Mapping[str, str]] = lambda *_: {}
    name_parts: Callable[[R], tuple[str, str]] | None = None
    listed_as: Callable[[R], str] | None = None

    @property
    def task(self) -> str:
        """The kind's name in files, tables and commands: the tag of its requests."""
        return str(self.request.__struct_config__.tag)  # type: ignore[attr-defined]  # a struct

    @property
    def fields(self) -> Mapping[str, Field]:
        """The fields of its requests by name."""
        return fields_of(cast(Any, self.request))

    @property
    def has_prompt(self) -> bool:
        """Whether its requests have a prompt; other results are named after their input file."""
        return "prompt" in self.fields

    @property
    def accepted(self) -> tuple[Medium, ...]:
        """The media of the files that it accepts."""
        return (self.accepts, *self.accepts_also)

    @property
    def inputs(self) -> tuple[str, ...]:
        """The fields that hold input files."""
        return input_fields(cast(Any, self.request))

    def models_of(self, request: R) -> tuple[ModelNeed, ...]:
        """Return the models that a request needs, the base model first."""
        if self.needs is not None:
            return self.needs(request)
        return (ModelNeed(self.task, request.model),)
