"""The encoding of prompts: a place to listen in, and a memory of what was encoded lately.

Encoders take a share of the time that is worth saving: a quarter of an icon, seconds of a picture
whose encoder is a large language model. The next variation of a prompt has the same states.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

_ROOM = 128_000_000
"""Bytes of states that are kept for one pipeline."""

Encode = Callable[..., Any]
"""A pipeline's `encode_prompt`."""


@contextmanager
def replaced(pipeline: Any, wrap: Callable[[Encode], Encode]) -> Iterator[None]:
    """While this is open, the pipeline encodes prompts by `wrap` of what encoded them before."""
    before = vars(pipeline).get("encode_prompt")
    pipeline.encode_prompt = wrap(pipeline.encode_prompt)
    try:
        yield
    finally:
        if before is None:
            del pipeline.encode_prompt
        else:
            pipeline.encode_prompt = before


class EncodedPrompts:
    """What a pipeline's encoders made of the last prompts. Copies go in and out.

    Args:
        room: bytes of tensors that are kept; the longest unused go first.
    """

    def __init__(self, room: int = _ROOM) -> None:
        self._room = room
        self._used = 0
        self._found: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._found)

    def clear(self) -> None:
        """Forget all of them."""
        self._found.clear()
        self._used = 0

    @contextmanager
    def at_hand(self, pipeline: Any, state: Hashable) -> Iterator[None]:
        """While this is open, a prompt that the pipeline encoded before is not encoded again.

        Args:
            pipeline: any; one without `encode_prompt` is left as it is.
            state: what else the result depends on, e.g. the precision of the encoders.
        """
        if not hasattr(pipeline, "encode_prompt"):
            yield
            return

        def wrap(encode: Encode) -> Encode:
            def remembered(*args: Any, **kwargs: Any) -> Any:
                key = _key((type(pipeline).__name__, state, args, sorted(kwargs.items())))
                if key in self._found:
                    self._found.move_to_end(key)
                    return _copy(self._found[key][0])
                made = encode(*args, **kwargs)
                if key is not None:
                    self._keep(key, made)
                return made

            return remembered

        with replaced(pipeline, wrap):
            yield

    def _keep(self, key: Hashable, found: Any) -> None:
        size = _size(found)
        if size is None or size > self._room:
            return
        self._found[key] = (_copy(found), size)
        self._used += size
        while self._used > self._room:
            self._used -= self._found.popitem(last=False)[1][1]


def _key(value: Any) -> Hashable | None:
    """Return what stands for these arguments, None where they hold more than words and numbers."""
    if isinstance(value, (list, tuple)):
        parts = [_key(part) for part in value]
        return None if any(part is None for part in parts) else (type(value).__name__, *parts)
    if value is None or isinstance(value, (str, int, float, torch.device, torch.dtype)):
        # The name too: 1, 1.0 and True are equal, and None is the sign for "no key".
        return (type(value).__name__, value)
    return None


def _size(found: Any) -> int | None:
    """Return the bytes of what an encoder returned, None where it is of a kind not known here."""
    if found is None:
        return 0
    if isinstance(found, torch.Tensor):
        return found.numel() * found.element_size()
    if isinstance(found, (list, tuple)):
        sizes = [_size(part) for part in found]
        return None if any(size is None for size in sizes) else sum(filter(None, sizes))
    return None


def _copy(found: Any) -> Any:
    if isinstance(found, torch.Tensor):
        return found.clone()
    return found if found is None else type(found)(_copy(part) for part in found)
