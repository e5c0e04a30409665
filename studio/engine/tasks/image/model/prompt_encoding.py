"""Wraps the encoding of prompts in a pipeline, and caches the results.

Encoding takes a considerable part of the time: a quarter for an icon, seconds if the text encoder
is a large language model. All variations of a prompt have the same encoding.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

_MAX_BYTES = 128_000_000
"""Size of the cache of one pipeline, in bytes."""

Encode = Callable[..., Any]
"""A pipeline's `encode_prompt`."""


@contextmanager
def wrapped_encode_prompt(pipeline: Any, wrap: Callable[[Encode], Encode]) -> Iterator[None]:
    """While open, replace the pipeline's `encode_prompt` with `wrap(encode_prompt)`."""
    before = vars(pipeline).get("encode_prompt")
    pipeline.encode_prompt = wrap(pipeline.encode_prompt)
    try:
        yield
    finally:
        if before is None:
            del pipeline.encode_prompt
        else:
            pipeline.encode_prompt = before


class EncodedPromptCache:
    """An LRU cache of encoded prompts of a pipeline. Stores and returns copies.

    Args:
        max_bytes: maximum total size of the tensors.
    """

    def __init__(self, max_bytes: int = _MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._entries: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def clear(self) -> None:
        """Remove all entries."""
        self._entries.clear()
        self._bytes = 0

    @contextmanager
    def cached_encoding(self, pipeline: Any, state: Hashable) -> Iterator[None]:
        """While open, return cached results for prompts that the pipeline encoded before.

        Args:
            pipeline: any pipeline; has no effect without `encode_prompt`.
            state: anything else that the result depends on, e.g. the encoders' precision.
        """
        if not hasattr(pipeline, "encode_prompt"):
            yield
            return

        def wrap(encode: Encode) -> Encode:
            def encode_cached(*args: Any, **kwargs: Any) -> Any:
                key = _key((type(pipeline).__name__, state, args, sorted(kwargs.items())))
                if key in self._entries:
                    self._entries.move_to_end(key)
                    return _copy(self._entries[key][0])
                made = encode(*args, **kwargs)
                if key is not None:
                    self._store(key, made)
                return made

            return encode_cached

        with wrapped_encode_prompt(pipeline, wrap):
            yield

    def _store(self, key: Hashable, found: Any) -> None:
        size = _size(found)
        if size is None or size > self._max_bytes:
            return
        self._entries[key] = (_copy(found), size)
        self._bytes += size
        while self._bytes > self._max_bytes:
            self._bytes -= self._entries.popitem(last=False)[1][1]


def _key(value: Any) -> Hashable | None:
    """Return a cache key for arguments, None if they contain other types than plain values."""
    if isinstance(value, (list, tuple)):
        parts = [_key(part) for part in value]
        return None if any(part is None for part in parts) else (type(value).__name__, *parts)
    if value is None or isinstance(value, (str, int, float, torch.device, torch.dtype)):
        # With the type's name, since 1, 1.0 and True are equal, and a bare None means "no key".
        return (type(value).__name__, value)
    return None


def _size(found: Any) -> int | None:
    """Return the size of an encoder's result in bytes, None for unknown types."""
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
