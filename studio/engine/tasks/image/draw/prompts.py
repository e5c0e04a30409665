"""Several prompts in one call of a pipeline, each encoded as if it were alone.

Encoders of some families pad the prompts of a call to the longest of them, and matrix products
round by the number of rows. Encoding is a small part of the work: here it is done prompt by
prompt, and what comes out is put together.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch

from studio.engine.tasks.image.model.encoding import Encode, replaced


class CannotShareError(Exception):
    """The states of these prompts do not fit into one call."""


@contextmanager
def each_alone(pipeline: Any, prompts: Sequence[str]) -> Iterator[None]:
    """While this is open, let a pipeline encode the prompts of a list one by one.

    Where they are all the same, or one, nothing is changed: they are encoded as one.

    Raises:
        CannotShareError: before, where the pipeline has no such method; within, where prompts
            come out in different lengths.
    """
    if len(set(prompts)) < 2:
        yield
        return
    if not hasattr(pipeline, "encode_prompt"):
        raise CannotShareError
    signature = inspect.signature(type(pipeline).encode_prompt)

    def wrap(encode: Encode) -> Encode:
        def one_by_one(*args: Any, **kwargs: Any) -> Any:
            given = dict(signature.bind(pipeline, *args, **kwargs).arguments)
            given.pop("self", None)
            given |= given.pop("kwargs", {})
            asked = given.get("prompt")
            if not isinstance(asked, list) or len(asked) < 2:
                return encode(**given)
            places = range(len(asked))
            return _joined([encode(**_only(given, place, len(asked))) for place in places])

        return one_by_one

    with replaced(pipeline, wrap):
        yield


def _only(given: dict[str, Any], place: int, count: int) -> dict[str, Any]:
    """Return the arguments of one of `count` prompts."""
    return {
        name: [value[place]] if isinstance(value, list) and len(value) == count else value
        for name, value in given.items()
    }


def _joined(found: Sequence[Any]) -> Any:
    """Return what was found for each prompt as if it had been found for all at once."""
    first = found[0]
    if isinstance(first, torch.Tensor):
        return _joined_tensors(found)
    if isinstance(first, tuple):
        return tuple(_joined(parts) for parts in zip(*found, strict=True))
    if isinstance(first, list) and len(first) == 1:
        return [part for parts in found for part in parts]
    if all(part is None for part in found):
        return None
    raise CannotShareError


def _joined_tensors(found: Sequence[torch.Tensor]) -> torch.Tensor:
    first = found[0]
    if any(part.shape != first.shape for part in found):
        raise CannotShareError
    if len(first) == 1:
        return torch.cat(list(found))
    # Positions of tokens and the like are the same for all.
    if all(torch.equal(part, first) for part in found):
        return first
    raise CannotShareError
