"""What can be said of any request, whatever its kind, and of one of no known kind."""

from __future__ import annotations

import msgspec

from studio.kinds.coding import check_ranges
from studio.kinds.field_errors import field_sentence
from studio.kinds.registry import AnyKind, known_kind
from studio.protocol import InputFile, Request, Sentence, UnknownRequest, sentence


def kind_if_known(request: Request) -> AnyKind | None:
    """Return a request's kind, None for a request that another build wrote."""
    return None if isinstance(request, UnknownRequest) else known_kind(request.task)


def inputs_of(request: Request) -> dict[str, InputFile]:
    """Return every file that the request reads, by the name of its field."""
    kind = kind_if_known(request)
    named = {} if kind is None else {name: getattr(request, name) for name in kind.inputs}
    return {name: file for name, file in named.items() if file is not None}


def input_paths(request: Request) -> tuple[str, ...]:
    """Return the path of every file that the request reads, also one of no known kind."""
    if isinstance(request, UnknownRequest):
        return request.paths
    return tuple(file.path for file in inputs_of(request).values())


def prompt_of(request: Request) -> str:
    """Return the prompt, "" where the kind has none."""
    return str(getattr(request, "prompt", ""))


def has_prompt(request: Request) -> bool:
    """Tell whether the request is one of those that a prompt describes."""
    if isinstance(request, UnknownRequest):
        return bool(request.prompt)
    return hasattr(request, "prompt")


def called(request: Request) -> str:
    """Return what stands for a request: its prompt, else the name of its input file."""
    if has_prompt(request):
        return prompt_of(request)
    names = (path.replace("\\", "/").rsplit("/", 1)[-1] for path in input_paths(request))
    return next(names, "")


def obstacle(request: Request) -> Sentence | None:
    """Return why this build cannot carry out a request that was written before; None if it can."""
    kind = kind_if_known(request)
    if kind is None:
        return sentence(
            "This was made with another version of Prompt Studio and cannot run in this one. It "
            "is kept as it is."
        )
    try:
        check_ranges(request)
    except msgspec.ValidationError as error:
        return field_sentence(error)
    return next((told for _, told in kind.check(request)), None)
