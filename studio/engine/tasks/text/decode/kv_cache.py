"""A KV cache that grows in place and is rarely copied.

The cache of transformers copies all keys and values for every token, which for eight rows of a
few hundred tokens takes as long as the model itself.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from transformers.cache_utils import DynamicCache, DynamicLayer

_SPARE_TOKENS = 256


class GrowingLayer(DynamicLayer):  # type: ignore[misc]  # the library has no types
    """Keys and values of one layer, (rows, heads, tokens, width), in a larger buffer.

    Differs from the base class only in how tokens are added.
    """

    keys: torch.Tensor
    values: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self._buffers: tuple[torch.Tensor, torch.Tensor] | None = None

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *_: Any, **__: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Append tokens. Returns all keys and all values as views of the buffers."""
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
        """Return an independent copy without spare capacity."""
        copied = GrowingLayer()
        copied.lazy_initialization(self.keys, self.values)
        copied.keys, copied.values = (
            tensor.clone(memory_format=torch.contiguous_format)
            for tensor in (self.keys, self.values)
        )
        return copied

    def select(self, index: torch.Tensor) -> GrowingLayer:
        """Return an independent copy with the given rows."""
        selected = GrowingLayer()
        if self.get_seq_length() == 0:
            return selected
        selected.lazy_initialization(self.keys, self.values)
        size = self.get_seq_length()
        buffers = []
        for tensor in (self.keys, self.values):
            buffer = tensor.new_empty(
                len(index), tensor.shape[1], size + _SPARE_TOKENS, tensor.shape[3]
            )
            buffer[:, :, :size] = tensor.index_select(0, index)
            buffers.append(buffer)
        selected._buffers = buffers[0], buffers[1]
        selected.keys, selected.values = buffers[0][:, :, :size], buffers[1][:, :, :size]
        return selected


def _enlarged(tensor: torch.Tensor | None, new: torch.Tensor, tokens: int) -> torch.Tensor:
    buffer = new.new_empty(
        new.shape[0], new.shape[1], tokens + tokens // 2 + _SPARE_TOKENS, new.shape[3]
    )
    if tensor is not None:
        buffer[:, :, : tensor.shape[2]] = tensor
    return buffer


def new_cache(config: Any) -> DynamicCache:
    """Return an empty cache for a model with this configuration."""
    cache = DynamicCache(config=config)
    cache.layers = [
        GrowingLayer() if type(layer) is DynamicLayer else layer for layer in cache.layers
    ]
    if not cache.layers:
        cache.layer_class_to_replicate = GrowingLayer
    return cache


def select_rows(cache: DynamicCache, index: torch.Tensor) -> DynamicCache:
    """Return an independent copy with the given rows, which may be repeated."""
    selected = copy.copy(cache)
    selected.layers = []
    for layer in cache.layers:
        if isinstance(layer, GrowingLayer):
            selected.layers.append(layer.select(index))
        else:
            twin = copy.deepcopy(layer)
            twin.reorder_cache(index)
            selected.layers.append(twin)
    return selected


def copy_cache(cache: DynamicCache) -> DynamicCache:
    """Return an independent copy. Only for a cache that `can_crop`."""
    copied = copy.copy(cache)
    copied.layers = [layer.copy() for layer in cache.layers]
    return copied


def crop(cache: DynamicCache, tokens: int) -> None:
    """Keep only the first `tokens` tokens. Only for a cache that `can_crop`.

    After an interrupted pass, the first layers have more tokens than the last ones.
    """
    for layer in cache.layers:
        layer.crop(min(0, tokens - layer.get_seq_length()))


def can_crop(cache: DynamicCache) -> bool:
    """Return whether every layer stores each token separately (no window, no state)."""
    return all(isinstance(layer, GrowingLayer) for layer in cache.layers)


def can_prefill_in_chunks(cache: DynamicCache) -> bool:
    """Return whether a prompt can be prefilled in several passes: not with a recurrent state."""
    return all(isinstance(layer, DynamicLayer) for layer in cache.layers)


def nbytes(cache: DynamicCache) -> int:
    """Return the bytes of the cached keys and values, without spare capacity."""
    return sum(
        tensor.nbytes
        for layer in cache.layers
        for tensor in (getattr(layer, "keys", None), getattr(layer, "values", None))
        if tensor is not None
    )
