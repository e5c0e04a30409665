"""Functions for requests of any kind, including `UnknownRequest`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import msgspec

from studio.kinds.coding import check_ranges
from studio.kinds.field_errors import field_sentence
from studio.kinds.registry import kind_if_known, kind_of
from studio.protocol import InputFile, Request, Sentence, UnknownRequest, sentence

R = TypeVar("R", bound=Request)


def inputs_of(request: Request) -> dict[str, tuple[InputFile, ...]]:
    """Return the request's input files by field name, without fields that have none."""
    kind = kind_if_known(request)
    named = (
        {} if kind is None else {name: _as_files(getattr(request, name)) for name in kind.inputs}
    )
    return {name: files for name, files in named.items() if files}


def input_files(request: Request) -> tuple[InputFile, ...]:
    """Return the request's input files."""
    return tuple(file for files in inputs_of(request).values() for file in files)


def with_inputs(request: R, change: Callable[[InputFile], InputFile]) -> R:
    """Return the request with every input file replaced by what `change` returns for it."""
    changed: dict[str, object] = {}
    for name, files in inputs_of(request).items():
        new = tuple(change(file) for file in files)
        changed[name] = new if isinstance(getattr(request, name), tuple) else new[0]
    return request.with_values(**changed) if changed else request


def _as_files(value: object) -> tuple[InputFile, ...]:
    if isinstance(value, InputFile):
        return (value,)
    return value if isinstance(value, tuple) else ()


def input_paths(request: Request) -> tuple[str, ...]:
    """Return the paths of the request's input files."""
    if isinstance(request, UnknownRequest):
        return request.paths
    return tuple(file.path for file in input_files(request))


def prompt_of(request: Request) -> str:
    """Return the prompt, "" if the kind has none."""
    return str(getattr(request, "prompt", ""))


def has_prompt(request: Request) -> bool:
    """Return whether the request has a prompt."""
    if isinstance(request, UnknownRequest):
        return bool(request.prompt)
    return hasattr(request, "prompt")


def own_name(request: Request) -> str:
    """Return what a result without a prompt is listed as, "" if its kind does not say."""
    kind = kind_if_known(request)
    return "" if kind is None or kind.listed_as is None else kind.listed_as(request)


def display_name(request: Request) -> str:
    """Return the prompt, or the request's own name or that of its input file without one."""
    if has_prompt(request):
        return prompt_of(request)
    if name := own_name(request):
        return name
    names = (path.replace("\\", "/").rsplit("/", 1)[-1] for path in input_paths(request))
    return next(names, "")


def model_settings(request: Request) -> Request:
    """Return the request with all fields reset that do not decide which models it needs."""
    fields = kind_of(request).fields
    plain = {
        name: "" if field.required else field.default
        for name, field in fields.items()
        if field.type != "choice" and name not in ("model", "adapters")
    }
    return request.with_values(**plain)


def unsupported_reason(request: Request) -> Sentence | None:
    """Return why this version cannot run a stored request, None if it can."""
    kind = kind_if_known(request)
    if kind is None:
        return sentence(
            "This was made with another version of Prompt Studio and cannot run in this one. It "
            "is kept as it is."
        )
    try:
        check_ranges(request)
    except msgspec.ValidationError as error:
        return field_sentence(error, kind.fields)
    return next((message for _, message in kind.check(request)), None)
