"""What attention remembers of the tokens so far: grown in place, copied as rarely as can be.

The library's own cache copies every key and value at every token, which for eight rows of a
few hundred tokens costs as much as the model itself.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from transformers.cache_utils import DynamicCache, DynamicLayer

_SPARE = 256


class GrowingLayer(DynamicLayer):  # type: ignore[misc]  # the library has no types
    """One layer's keys and values, (rows, heads, tokens, width), at the front of a larger buffer.

    Only where tokens are added does it differ from the library's layer.
    """

    keys: torch.Tensor
    values: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self._buffers: tuple[torch.Tensor, torch.Tensor] | None = None

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *_: Any, **__: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Add tokens. Returns all keys and all values, as views of the buffers."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        start = self.get_seq_length()
        end = start + key_states.shape[2]
        if self._buffers is None or self._buffers[0].shape[2] < end:
            self._buffers = (
                _enlarged(self.keys if start else None, key_states, end),
                _enlarged(self.values if start else None, value_states, end),
            )
        keys, values = self._buffers
        keys[:, :, start:end] = key_states
        values[:, :, start:end] = value_states
        self.keys, self.values = keys[:, :, :end], values[:, :, :end]
        return self.keys, self.values

    def copy(self) -> GrowingLayer:
        """Return a layer of its own that holds the same, without spare room."""
        made = GrowingLayer()
        made.lazy_initialization(self.keys, self.values)
        made.keys, made.values = (
            held.clone(memory_format=torch.contiguous_format) for held in (self.keys, self.values)
        )
        return made

    def rows(self, index: torch.Tensor) -> GrowingLayer:
        """Return a layer of its own that holds the given rows of this one."""
        chosen = GrowingLayer()
        if self.get_seq_length() == 0:
            return chosen
        chosen.lazy_initialization(self.keys, self.values)
        size = self.get_seq_length()
        buffers = []
        for held in (self.keys, self.values):
            buffer = held.new_empty(len(index), held.shape[1], size + _SPARE, held.shape[3])
            buffer[:, :, :size] = held.index_select(0, index)
            buffers.append(buffer)
        chosen._buffers = buffers[0], buffers[1]
        chosen.keys, chosen.values = buffers[0][:, :, :size], buffers[1][:, :, :size]
        return chosen


def _enlarged(held: torch.Tensor | None, fresh: torch.Tensor, tokens: int) -> torch.Tensor:
    buffer = fresh.new_empty(
        fresh.shape[0], fresh.shape[1], tokens + tokens // 2 + _SPARE, fresh.shape[3]
    )
    if held is not None:
        buffer[:, :, : held.shape[2]] = held
    return buffer


def new_cache(config: Any) -> DynamicCache:
    """Return an empty cache for a model of this configuration."""
    cache = DynamicCache(config=config)
    cache.layers = [
        GrowingLayer() if type(layer) is DynamicLayer else layer for layer in cache.layers
    ]
    if not cache.layers:
        cache.layer_class_to_replicate = GrowingLayer
    return cache


def rows_of(cache: DynamicCache, index: torch.Tensor) -> DynamicCache:
    """Return a cache of its own that holds the given rows of another, repeated as asked."""
    chosen = copy.copy(cache)
    chosen.layers = []
    for layer in cache.layers:
        if isinstance(layer, GrowingLayer):
            chosen.layers.append(layer.rows(index))
        else:
            twin = copy.deepcopy(layer)
            twin.reorder_cache(index)
            chosen.layers.append(twin)
    return chosen


def copy_of(cache: DynamicCache) -> DynamicCache:
    """Return a cache of its own that holds the same. Only for one that `can_be_shortened`."""
    made = copy.copy(cache)
    made.layers = [layer.copy() for layer in cache.layers]
    return made


def shortened(cache: DynamicCache, tokens: int) -> None:
    """Forget all but the first `tokens` tokens. Only for a cache that `can_be_shortened`."""
    surplus = cache.get_seq_length() - tokens
    if surplus > 0:
        for layer in cache.layers:
            layer.crop(-surplus)


def can_be_shortened(cache: DynamicCache) -> bool:
    """Whether every layer remembers each token by itself (no window, no running state)."""
    return all(isinstance(layer, GrowingLayer) for layer in cache.layers)


def reads_in_parts(cache: DynamicCache) -> bool:
    """Whether a prompt can be read in several passes: not where a running state is kept."""
    return all(isinstance(layer, DynamicLayer) for layer in cache.layers)


def nbytes(cache: DynamicCache) -> int:
    """Return the bytes of the keys and values that the cache holds, without spare room."""
    return sum(
        held.nbytes
        for layer in cache.layers
        for held in (getattr(layer, "keys", None), getattr(layer, "values", None))
        if held is not None
    )
