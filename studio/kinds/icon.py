"""Icon: drawings in strokes from a few words, as SVG and PNG."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

from msgspec import Meta, Struct

from studio.formats.icons.colours import CURRENT_COLOUR, is_colour
from studio.kinds.fields import label
from studio.kinds.kind import Kind, Medium, ModelNeed, WorkTiming
from studio.protocol import Count, ModelRef, Name, Prompt, Recipe, Request, Seed, Sentence, sentence

_WORKING_MEMORY = 120_000_000
"""Bytes for 16 drawings at once, with what the model remembers of them."""
_WIDTHS = {"thin": 1.0, "regular": 1.5, "bold": 2.0}
_LONGEST_PROMPT = 4000
_LONGEST_BEGIN = 4000


class IconRequest(Request, Struct, frozen=True, kw_only=True, tag_field="task", tag="icon"):
    """Draw `count` icons of the things that the prompt names, row *i* from seed `seed + i`.

    An empty prompt draws any things. `family` is an icon set whose manner is followed. Without
    `stroke_width`, strokes are as wide as their `weight` usually is, on a grid of 24 units. Every
    drawing begins with the strokes of `begin`.
    """

    prompt: Annotated[
        Prompt, label("Prompt", "A thing, or several together", flags="-p --prompt")
    ] = ""
    style: Annotated[Literal["line"], label("Style", "How icons are drawn", flags="--style")] = (
        "line"
    )
    corners: Annotated[
        Literal["rounded", "sharp"], label("Corners", "And the ends of lines", flags="--corners")
    ] = "rounded"
    weight: Annotated[
        Literal["thin", "regular", "bold"],
        label("Stroke weight", "Thin strokes come with more details", flags="--weight"),
    ] = "bold"
    stroke_width: Annotated[
        Annotated[float, Meta(ge=0.25, le=6.0)] | None,
        label(
            "Stroke width",
            "On a grid of 24 units; the default suits the weight",
            flags="--stroke-width",
            step=0.25,
            decimals=2,
        ),
    ] = None
    colour: Annotated[
        Name,
        label("Colour", "#rrggbb, or currentColor for that of the page", flags="--colour"),
    ] = CURRENT_COLOUR
    family: Annotated[
        Name,
        label("Icon set", "A set in whose manner icons are drawn, e.g. lucide", flags="--family"),
    ] = ""
    side: Annotated[
        Annotated[int, Meta(ge=16, le=4096)],
        label("Size", "Of the picture beside the SVG", flags="--side", unit=" px", step=64),
    ] = 512
    temperature: Annotated[
        Annotated[float, Meta(ge=0.05, le=2.0)],
        label(
            "Temperature",
            "Lower is more usual, higher is more varied",
            flags="--temperature",
            step=0.05,
            decimals=2,
        ),
    ] = 0.8
    top_p: Annotated[
        Annotated[float, Meta(gt=0.0, le=1.0)],
        label(
            "Top-p",
            "Leaves out what is unlikely",
            flags="--top-p",
            step=0.05,
            decimals=2,
        ),
    ] = 0.95
    guidance_scale: Annotated[
        Annotated[float, Meta(ge=1.0, le=10.0)],
        label(
            "Guidance scale",
            "How closely icons follow the prompt; 1 takes half the time",
            flags="--guidance",
            step=0.25,
            decimals=2,
        ),
    ] = 1.5
    begin: Annotated[
        str,
        label(
            "Begins with",
            "Strokes of an icon from here, as SVG path data; the model goes on from them",
            flags="--begin",
        ),
    ] = ""
    model: Annotated[Name, label("Model", "The id or path of a model", flags="--model")] = ""
    seed: Annotated[Seed | None, label("Seed", flags="--seed")] = None
    count: Annotated[Count, label("Variations", flags="-n --count")] = 1


def stroke_width(request: IconRequest) -> float:
    """Return the width of strokes in units."""
    return request.stroke_width or _WIDTHS[request.weight]


def _check(request: IconRequest) -> Iterable[tuple[str, Sentence]]:
    if len(request.prompt) > _LONGEST_PROMPT:
        yield (
            "prompt",
            sentence(
                "The prompt has {length} characters, and an icon shows one thing or two. Name "
                "them in a few words.",
                length=f"{len(request.prompt):,}",
            ),
        )
    if request.begin and (len(request.begin) > _LONGEST_BEGIN or not _is_path(request.begin)):
        yield (
            "begin",
            sentence(
                "These are not strokes of an icon from Prompt Studio: {text}. Take them from the "
                "SVG file of one.",
                text=repr(request.begin[:60]),
            ),
        )
    if not is_colour(request.colour):
        yield (
            "colour",
            sentence(
                "{text} is not a colour. Write it like #1a7f37, or currentColor for that of the "
                "page.",
                text=repr(request.colour[:60]),
            ),
        )


def _is_path(data: str) -> bool:
    from studio.formats.icons.path_data import icon_of

    return icon_of(data) is not None


def _needs(request: IconRequest) -> tuple[ModelNeed, ...]:
    return (ModelNeed(request.task, request.model, ("icons",)),)


def _memory(_model: ModelRef, weights: int, _weight_bytes: int, _size: float | None) -> int:
    return 3 * weights + _WORKING_MEMORY


def _work(_request: IconRequest, _defaults: IconRequest) -> float:
    return 1.0


def _measured(_recipe: Recipe, _request: IconRequest) -> float:
    return 1.0


KIND: Kind[IconRequest] = Kind(
    request=IconRequest,
    medium=Medium.PICTURE,
    title="Icons",
    icon="grid-3x3",
    summary="draw icons as SVG",
    formats=("icon_tokens",),
    no_model=(
        "There is no model that draws icons yet. None comes with Prompt Studio: add the folder of "
        "one in Models."
    ),
    wrong_model="{name} does not draw icons. Choose a model for icons.",
    task_package="studio.engine.tasks.icon",
    fake="studio.engine.tasks.icon.fake:FAKE",
    workspace="studio.ui.workspaces.icon.icon_tab:IconTab",
    tab_needs_model=True,
    timing=WorkTiming(work=_work, measured=_measured),
    fallback_name="icon",
    needs_prompt=False,
    untimed_fields=frozenset(
        {"prompt", "seed", "count", "colour", "stroke_width", "family", "begin"}
    ),
    needs=_needs,
    check=_check,
    size=lambda request, _: (request.side, request.side),
    memory=_memory,
    details=("seed", "corners", "weight", "stroke_width", "colour", "family", "temperature"),
    compared=("corners", "weight", "family", "temperature", "top_p", "guidance_scale"),
)
