"""Functions for requests of any kind, including `UnknownRequest`."""

from __future__ import annotations

import msgspec

from studio.kinds.coding import check_ranges
from studio.kinds.field_errors import field_sentence
from studio.kinds.registry import kind_if_known, kind_of
from studio.protocol import InputFile, Request, Sentence, UnknownRequest, sentence


def inputs_of(request: Request) -> dict[str, InputFile]:
    """Return the request's input files by field name."""
    kind = kind_if_known(request)
    named = {} if kind is None else {name: getattr(request, name) for name in kind.inputs}
    return {name: file for name, file in named.items() if file is not None}


def input_paths(request: Request) -> tuple[str, ...]:
    """Return the paths of the request's input files."""
    if isinstance(request, UnknownRequest):
        return request.paths
    return tuple(file.path for file in inputs_of(request).values())


def prompt_of(request: Request) -> str:
    """Return the prompt, "" if the kind has none."""
    return str(getattr(request, "prompt", ""))


def has_prompt(request: Request) -> bool:
    """Return whether the request has a prompt."""
    if isinstance(request, UnknownRequest):
        return bool(request.prompt)
    return hasattr(request, "prompt")


def display_name(request: Request) -> str:
    """Return the prompt, or the name of the input file if there is none."""
    if has_prompt(request):
        return prompt_of(request)
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
