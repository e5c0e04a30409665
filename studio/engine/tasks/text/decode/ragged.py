"""Rows that follow different prompts in one batch, none padded to another's length.

Nearly all of a step's time goes into the linear layers, which treat each row by itself: they
run over all rows at once. Attention alone looks at what a row remembers. Here it is computed
for the rows of each length apart, by the same call as when they are alone, so that every
number comes out the same, bit for bit. Padding would change the order of adding.
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

from studio.engine.tasks.text.decode.kv_cache import can_be_shortened

_NAME = "studio_ragged"

_SPARE = 64
"""Tokens that there is room for at first."""

_ROPES = {"default", "linear", "llama3", "yarn"}
"""Ways to turn positions into angles that look at one row alone. Others look at the longest."""


class Lengths:
    """How many tokens each row of a batch has; rows of one length stand side by side.

    Attributes:
        rows: 0, 1, 2, …
        places: where each row's newest token stands, (rows,).
        spans: first row, row after the last, and tokens, of each length.
    """

    def __init__(self, tokens: Sequence[int], device: torch.device) -> None:
        self._tokens = list(tokens)
        self.rows = torch.arange(len(self._tokens), device=device)
        self.places = torch.tensor(self._tokens, device=device) - 1
        self.spans: tuple[tuple[int, int, int], ...] = ()
        self._count(0)

    @property
    def longest(self) -> int:
        """The tokens of the longest row."""
        return max(self._tokens)

    def advance(self) -> None:
        """Make every row one token longer."""
        self.places = self.places + 1
        self._count(1)

    def chosen(self, index: torch.Tensor) -> Lengths:
        """Return those of the given rows, which are in the order of their lengths."""
        return Lengths([self._tokens[row] for row in index.tolist()], index.device)

    def _count(self, more: int) -> None:
        self._tokens = [tokens + more for tokens in self._tokens]
        spans, first = [], 0
        for tokens, rows in itertools.groupby(self._tokens):
            last = first + len(list(rows))
            spans.append((first, last, tokens))
            first = last
        self.spans = tuple(spans)


@dataclass(frozen=True)
class _Ragged:
    """Keys or values: what a layer's `update` returns goes through the model to `_attend`."""

    held: torch.Tensor
    spans: tuple[tuple[int, int, int], ...]


class RaggedLayer(DynamicLayer):  # type: ignore[misc]  # the library has no types
    """One layer's keys and values: (rows, heads, room, width), each row filled from the front."""

    keys: torch.Tensor
    values: torch.Tensor

    def __init__(self, keys: torch.Tensor, values: torch.Tensor, lengths: Lengths) -> None:
        super().__init__()
        self.lazy_initialization(keys, values)
        self.keys, self.values, self.lengths = keys, values, lengths

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *_: Any, **__: Any
    ) -> tuple[Any, Any]:
        """Put each row's newest token, (rows, heads, 1, width), at the row's own end."""
        lengths = self.lengths
        if lengths.longest > self.keys.shape[2]:
            self.keys, self.values = _longer(self.keys), _longer(self.values)
        self.keys[lengths.rows, :, lengths.places] = key_states[:, :, 0]
        self.values[lengths.rows, :, lengths.places] = value_states[:, :, 0]
        return _Ragged(self.keys, lengths.spans), _Ragged(self.values, lengths.spans)

    def get_seq_length(self) -> int:
        """Return the tokens of the longest row."""
        return self.lengths.longest


@dataclass
class RaggedRows:
    """What is remembered of rows of different lengths."""

    cache: DynamicCache
    lengths: Lengths

    def chosen(self, index: torch.Tensor) -> RaggedRows:
        """Return the given rows, in the order of their lengths, repeated as asked."""
        lengths, cache = self.lengths.chosen(index), copy.copy(self.cache)
        cache.layers = []
        for layer in self.cache.layers:
            keys, values = layer.keys.index_select(0, index), layer.values.index_select(0, index)
            cache.layers.append(RaggedLayer(keys, values, lengths))
        return RaggedRows(cache, lengths)


def ragged(caches: Sequence[DynamicCache]) -> RaggedRows:
    """Return rows of their own that follow these prompts, read before; the shortest first."""
    tokens = [cache.get_seq_length() for cache in caches]
    made = copy.copy(caches[0])
    lengths = Lengths(tokens, caches[0].layers[0].keys.device)
    made.layers = []
    for layers in zip(*(cache.layers for cache in caches), strict=True):
        keys = _stacked([layer.keys for layer in layers], lengths.longest)
        values = _stacked([layer.values for layer in layers], lengths.longest)
        made.layers.append(RaggedLayer(keys, values, lengths))
    return RaggedRows(made, lengths)


def takes_ragged_rows(model: Any, cache: DynamicCache) -> bool:
    """Whether a model's parts leave rows to themselves, as far as can be told from outside.

    Not where a window or a running state is kept, where the angles of positions depend on the
    longest row, or where tokens of all rows are sorted to experts. `cache` is one that the
    model has filled.
    """
    config = model.config.get_text_config()
    ropes: set[Any] = set()
    for part in model.modules():
        kind = getattr(part, "rope_type", "default")
        ropes.update(kind.values() if isinstance(kind, dict) else [kind])
    return (
        can_be_shortened(cache)
        and config._attn_implementation == "sdpa"
        and "position_ids" in inspect.signature(model.forward).parameters
        and ropes <= _ROPES
        and not any("expert" in name for name, _ in model.named_modules())
    )


@contextmanager
def attending(model: Any) -> Iterator[None]:
    """Let a model's attention take what `RaggedLayer` gives."""
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
        raise ValueError("This model has a mask of its own.")
    found = [
        sdpa_attention_forward(
            module,
            query[first:last],
            key.held[first:last, :, :tokens],
            value.held[first:last, :, :tokens],
            None,
            **options,
        )[0]
        for first, last, tokens in key.spans
    ]
    return torch.cat(found), None


def _no_mask(*_: Any, **__: Any) -> None:
    """Say that a newest token looks at everything that its row remembers."""


def _longer(held: torch.Tensor) -> torch.Tensor:
    room = held.shape[2]
    longer = held.new_empty(*held.shape[:2], room + room // 2 + _SPARE, held.shape[3])
    longer[:, :, :room] = held
    return longer


def _stacked(held: Sequence[torch.Tensor], longest: int) -> torch.Tensor:
    """Return what each row holds, (1, heads, tokens, width), as one buffer for all."""
    _, heads, _, width = held[0].shape
    stacked = held[0].new_empty(len(held), heads, longest + _SPARE, width)
    for row, own in enumerate(held):
        stacked[row, :, : own.shape[2]] = own[0]
    return stacked
