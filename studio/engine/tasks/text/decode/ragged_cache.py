"""A KV cache for rows of different lengths in one batch, without padding.

Nearly all of a step's time goes into the linear layers, which treat each row independently and
run over all rows at once. Only attention depends on the length of a row. It is computed
separately for the rows of each length, with the same call as for rows alone, so that the
results are equal bit for bit. Padding would change the order of summation.
"""

from __future__ import annotations

import copy
import inspect
import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from transformers.cache_utils import DynamicCache, DynamicLayer

from studio.engine.tasks.text.decode.kv_cache import can_crop

_NAME = "studio_ragged"

_SPARE_TOKENS = 64
"""Spare tokens of a new buffer."""

_SUPPORTED_ROPE_TYPES = {"default", "linear", "llama3", "yarn"}
"""RoPE types whose angles depend on one row alone. In others they depend on the longest row."""


class RowLengths:
    """The number of tokens of each row of a batch. Rows of equal length are adjacent.

    Attributes:
        rows: 0, 1, 2, …
        positions: position of each row's newest token, (rows,).
        spans: for each length: first row, row after the last, tokens.
    """

    def __init__(self, tokens: Sequence[int], device: torch.device) -> None:
        self._tokens = list(tokens)
        self.rows = torch.arange(len(self._tokens), device=device)
        self.positions = torch.tensor(self._tokens, device=device) - 1
        self.spans: tuple[tuple[int, int, int], ...] = ()
        self._grow_by(0)

    @property
    def longest(self) -> int:
        """The length of the longest row, in tokens."""
        return max(self._tokens)

    def advance(self) -> None:
        """Make every row one token grown."""
        self.positions = self.positions + 1
        self._grow_by(1)

    def select(self, index: torch.Tensor) -> RowLengths:
        """Return the lengths of the given rows, which must be ordered by length."""
        return RowLengths([self._tokens[row] for row in index.tolist()], index.device)

    def _grow_by(self, more: int) -> None:
        self._tokens = [tokens + more for tokens in self._tokens]
        spans, first = [], 0
        for tokens, rows in itertools.groupby(self._tokens):
            last = first + len(list(rows))
            spans.append((first, last, tokens))
            first = last
        self.spans = tuple(spans)


@dataclass(frozen=True)
class _RaggedTensor:
    """Keys or values, passed through the model from a layer's `update` to `_attend`."""

    buffer: torch.Tensor
    spans: tuple[tuple[int, int, int], ...]


class RaggedLayer(DynamicLayer):  # type: ignore[misc]  # the library has no types
    """Keys and values of one layer: (rows, heads, capacity, width), filled from the front."""

    keys: torch.Tensor
    values: torch.Tensor

    def __init__(self, keys: torch.Tensor, values: torch.Tensor, lengths: RowLengths) -> None:
        super().__init__()
        self.lazy_initialization(keys, values)
        self.keys, self.values, self.lengths = keys, values, lengths

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *_: Any, **__: Any
    ) -> tuple[Any, Any]:
        """Append each row's newest token, (rows, heads, 1, width), at the end of the row."""
        lengths = self.lengths
        if lengths.longest > self.keys.shape[2]:
            self.keys, self.values = _grow(self.keys), _grow(self.values)
        self.keys[lengths.rows, :, lengths.positions] = key_states[:, :, 0]
        self.values[lengths.rows, :, lengths.positions] = value_states[:, :, 0]
        return _RaggedTensor(self.keys, lengths.spans), _RaggedTensor(self.values, lengths.spans)

    def get_seq_length(self) -> int:
        """Return the length of the longest row, in tokens."""
        return self.lengths.longest


@dataclass
class RaggedCache:
    """A KV cache with rows of different lengths."""

    cache: DynamicCache
    lengths: RowLengths

    def select(self, index: torch.Tensor) -> RaggedCache:
        """Return a copy with the given rows, ordered by length; rows may be repeated."""
        lengths, cache = self.lengths.select(index), copy.copy(self.cache)
        cache.layers = []
        for layer in self.cache.layers:
            keys, values = layer.keys.index_select(0, index), layer.values.index_select(0, index)
            cache.layers.append(RaggedLayer(keys, values, lengths))
        return RaggedCache(cache, lengths)


def stack_caches(caches: Sequence[DynamicCache]) -> RaggedCache:
    """Return a copy of several one-row caches as one batch; they must be ordered by length."""
    tokens = [cache.get_seq_length() for cache in caches]
    stacked_cache = copy.copy(caches[0])
    lengths = RowLengths(tokens, caches[0].layers[0].keys.device)
    stacked_cache.layers = []
    for layers in zip(*(cache.layers for cache in caches), strict=True):
        keys = _stack([layer.keys for layer in layers], lengths.longest)
        values = _stack([layer.values for layer in layers], lengths.longest)
        stacked_cache.layers.append(RaggedLayer(keys, values, lengths))
    return RaggedCache(stacked_cache, lengths)


def supports_ragged_rows(model: Any, cache: DynamicCache) -> bool:
    """Return whether a model appears to compute each row independently of the others.

    Not if it has a sliding window or a recurrent state, if its RoPE angles depend on the longest
    row, or if it routes the tokens of all rows to experts. `cache` must be filled by the model.
    """
    config = model.config.get_text_config()
    ropes: set[Any] = set()
    for part in model.modules():
        kind = getattr(part, "rope_type", "default")
        ropes.update(kind.values() if isinstance(kind, dict) else [kind])
    return (
        can_crop(cache)
        and config._attn_implementation == "sdpa"
        and "position_ids" in inspect.signature(model.forward).parameters
        and ropes <= _SUPPORTED_ROPE_TYPES
        and not any("expert" in name for name, _ in model.named_modules())
    )


@contextmanager
def ragged_attention(model: Any) -> Iterator[None]:
    """Make a model's attention accept the output of `RaggedLayer.update`."""
    from transformers import AttentionInterface, AttentionMaskInterface

    AttentionInterface.register(_NAME, _attend)
    AttentionMaskInterface.register(_NAME, _no_mask)
    config = model.config.get_text_config()
    usual = config._attn_implementation
    config._attn_implementation = _NAME
    try:
        yield
    finally:
        config._attn_implementation = usual


def _attend(
    module: Any, query: torch.Tensor, key: Any, value: Any, attention_mask: Any, **options: Any
) -> tuple[torch.Tensor, None]:
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    if attention_mask is not None:
        raise ValueError("This model uses its own attention mask.")
    found = [
        sdpa_attention_forward(
            module,
            query[first:last],
            key.buffer[first:last, :, :tokens],
            value.buffer[first:last, :, :tokens],
            None,
            **options,
        )[0]
        for first, last, tokens in key.spans
    ]
    return torch.cat(found), None


def _no_mask(*_: Any, **__: Any) -> None:
    """Return no mask: the newest token attends to its whole row."""


def _grow(buffer: torch.Tensor) -> torch.Tensor:
    room = buffer.shape[2]
    grown = buffer.new_empty(*buffer.shape[:2], room + room // 2 + _SPARE_TOKENS, buffer.shape[3])
    grown[:, :, :room] = buffer
    return grown


def _stack(buffer: Sequence[torch.Tensor], longest: int) -> torch.Tensor:
    """Copy one-row tensors, (1, heads, tokens, width), into one buffer with spare capacity."""
    _, heads, _, width = buffer[0].shape
    stacked = buffer[0].new_empty(len(buffer), heads, longest + _SPARE_TOKENS, width)
    for row, own in enumerate(buffer):
        stacked[row, :, : own.shape[2]] = own[0]
    return stacked
