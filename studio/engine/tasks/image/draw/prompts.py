"""Encodes several prompts for one pipeline call, each as if it were alone.

Text encoders of some families pad the prompts of a call to the longest one, and matrix products
round differently depending on the number of rows. Encoding is a small part of the work, so
prompts are encoded one by one and the results merged.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch

from studio.engine.tasks.image.model.prompt_encoding import Encode, wrapped_encode_prompt


class CannotBatchError(Exception):
    """The encoded prompts cannot be merged into one call."""


@contextmanager
def encoded_separately(pipeline: Any, prompts: Sequence[str]) -> Iterator[None]:
    """While open, make a pipeline encode the prompts of a list one by one.

    Has no effect if all prompts are equal.

    Raises:
        CannotBatchError: on entry, if the pipeline has no `encode_prompt`; inside, if the
            encoded prompts differ in length.
    """
    if len(set(prompts)) < 2:
        yield
        return
    if not hasattr(pipeline, "encode_prompt"):
        raise CannotBatchError
    signature = inspect.signature(type(pipeline).encode_prompt)

    def wrap(encode: Encode) -> Encode:
        def encode_separately(*args: Any, **kwargs: Any) -> Any:
            given = dict(signature.bind(pipeline, *args, **kwargs).arguments)
            given.pop("self", None)
            given |= given.pop("kwargs", {})
            asked = given.get("prompt")
            if not isinstance(asked, list) or len(asked) < 2:
                return encode(**given)
            places = range(len(asked))
            return _merge([encode(**_arguments_for(given, place, len(asked))) for place in places])

        return encode_separately

    with wrapped_encode_prompt(pipeline, wrap):
        yield


def _arguments_for(given: dict[str, Any], place: int, count: int) -> dict[str, Any]:
    """Return the arguments of one of `count` prompts."""
    return {
        name: [value[place]] if isinstance(value, list) and len(value) == count else value
        for name, value in given.items()
    }


def _merge(found: Sequence[Any]) -> Any:
    """Merge the results for each prompt into the result for all prompts."""
    first = found[0]
    if isinstance(first, torch.Tensor):
        return _merge_tensors(found)
    if isinstance(first, tuple):
        return tuple(_merge(parts) for parts in zip(*found, strict=True))
    if isinstance(first, list) and len(first) == 1:
        return [part for parts in found for part in parts]
    if all(part is None for part in found):
        return None
    raise CannotBatchError


def _merge_tensors(found: Sequence[torch.Tensor]) -> torch.Tensor:
    first = found[0]
    if any(part.shape != first.shape for part in found):
        raise CannotBatchError
    if len(first) == 1:
        return torch.cat(list(found))
    # Results that do not depend on the prompt, such as token positions.
    if all(torch.equal(part, first) for part in found):
        return first
    raise CannotBatchError
