"""What a kind of work is: everything that sets it apart, as one value."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from typing import Any, Generic, TypeVar, cast

from msgspec import Struct

from studio.kinds.fields import Field, fields_of, input_fields
from studio.protocol import Capabilities, InputFile, ModelRef, ModelRole, Recipe, Request, Sentence

R = TypeVar("R", bound=Request)


class Medium(StrEnum):
    """What a kind makes. The values are those of the library's index."""

    TEXT = "text"
    PICTURE = "picture"
    AUDIO = "audio"
    VIDEO = "video"
    MODEL = "model"


class BatchTiming(Struct, Generic[R], frozen=True):
    """Rows are written side by side: what a batch takes depends on its longest row.

    `limit` tells the longest that a row may become, in the unit of the recipes' `tokens`;
    `rows_at_once` is how many rows the engine makes in one batch at most.
    """

    limit: Callable[[R], int]
    rows_at_once: int


class WorkTiming(Struct, Generic[R], frozen=True):
    """Rows take their time one by one: it grows with their work, in any unit.

    `work` tells the work of one row; what the request leaves open is taken from the second one.
    It may be 0 where only the `input` file's pixels can tell. `measured` tells it of a finished
    row by its recipe.
    """

    work: Callable[[R, R], float]
    measured: Callable[[Recipe, R], float]
    input: Callable[[R], InputFile | None] = lambda _: None


class ModelNeed(Struct, frozen=True):
    """A model that a job needs: by id, by path, or "" for the first that suits.

    `rank` tells how well a model suits, 0 best, None not at all; `unsuitable` says why a named
    one does not, and `none_suits` that there is none among those that are there.
    """

    task: str
    name: str
    role: ModelRole = "base"
    rank: Callable[[ModelRef], int | None] = lambda _: 0
    unsuitable: Callable[[ModelRef], Sentence] | None = None
    none_suits: Sentence | None = None


class Kind(Struct, Generic[R], frozen=True, kw_only=True):
    """One kind of work. `studio.kinds.registry` holds all of them.

    Attributes:
        request: the type of its requests; its tag names the kind in files, tables and commands.
        medium: what it makes.
        title, icon: of its tab and of its results. English, and the key of the translation.
        summary: what its command does, for the command line's help.
        action: how a menu calls sending files to its tab; "" where it takes none.
        takes, takes_many: the medium of those files, and whether it takes several at once.
        fallback_name: stands in a file's name where the prompt has no letters.
        formats: of the models that do this work.
        no_model, wrong_model: sentences without a model of this kind, and about one of another
            (`{name}`).
        task_package: of the engine: `run` has `run`, `together` has `run_together`.
        describer, converter: `module:function` of the engine, "" where there is none.
        fake, workspace: `module:name` of what the fake engine does, and of the tab.
        is_seeded: whether the seed makes a difference.
        needs_prompt: whether it can do nothing without a prompt.
        rows_together: rows of several jobs that are run in one call at most, 0 for none.
        own_fields: fields that jobs sharing a call may have each their own way.
        shares_calls: whether a request can share a call at all.
        untimed_fields: fields that the time of a job does not depend on.
        timing: how its work is estimated.
        check: yields (field, what is wrong) for what the types cannot say.
        needs: the models of a request, the base model first.
        complete: fills in what the request leaves open, by what the model can do.
        size: width and height in pixels that will be made, 0 where it cannot be told; None where
            memory does not depend on a size.
        memory: bytes that a model of this kind needs to run, without the libraries: (model, bytes
            of its weights, bytes of one weight, width, height).
        details, compared: fields shown with a result, and when results are compared.
        axes: fields that a matrix can vary; `size` is width and height.
        embedded_text: keyword and text that other programs read in a PNG: (recipe, width,
            height); None for none.
        name_parts: what tells in a file name what the request was: words that are made fit for
            one, and an ending; None for the prompt's first words.
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
    action: str = ""
    takes: Medium = Medium.PICTURE
    takes_many: bool = False
    fallback_name: str = ""
    describer: str = ""
    converter: str = ""
    is_seeded: bool = True
    needs_prompt: bool = True
    rows_together: int = 0
    own_fields: frozenset[str] = frozenset({"prompt", "seed", "count"})
    shares_calls: Callable[[R], bool] = lambda _: False
    untimed_fields: frozenset[str] = frozenset({"prompt", "seed", "count"})
    check: Callable[[R], Iterable[tuple[str, Sentence]]] = lambda _: ()
    needs: Callable[[R], tuple[ModelNeed, ...]] | None = None
    complete: Callable[[R, Capabilities], R] = lambda request, _: request
    size: Callable[[R, Capabilities | None], tuple[int, int]] | None = None
    memory: Callable[[ModelRef, int, int, int | None, int | None], int]
    details: tuple[str, ...] = ()
    compared: tuple[str, ...] = ()
    axes: tuple[str, ...] = ()
    embedded_text: Callable[[Recipe, int, int], tuple[str, str] | None] = lambda *_: None
    name_parts: Callable[[R], tuple[str, str]] | None = None

    @property
    def task(self) -> str:
        """The kind's name in files, tables and commands: the tag of its requests."""
        return str(self.request.__struct_config__.tag)  # type: ignore[attr-defined]  # a struct

    @property
    def fields(self) -> Mapping[str, Field]:
        """The fields of its requests by their names."""
        return fields_of(cast(Any, self.request))

    @property
    def has_prompt(self) -> bool:
        """Whether its requests have a prompt; results of others are called by their input."""
        return "prompt" in self.fields

    @property
    def inputs(self) -> tuple[str, ...]:
        """The fields that name files to be read."""
        return input_fields(cast(Any, self.request))

    def models_of(self, request: R) -> tuple[ModelNeed, ...]:
        """Return the models that a request needs, the base model first."""
        if self.needs is not None:
            return self.needs(request)
        return (ModelNeed(self.task, request.model),)
