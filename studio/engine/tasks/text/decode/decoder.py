"""The decoding loop: prefill the prompt once, then generate one token per step for all rows.

transformers' `generate` prefills the prompt once per row, copies the whole KV cache for each
token, sorts the vocabulary for sampling, and uses one random generator for all rows.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from studio.engine.tasks.text.decode.batch_invariance import InvariantWidths, invariant_widths
from studio.engine.tasks.text.decode.grammar import RowGrammar
from studio.engine.tasks.text.decode.kv_cache import (
    can_crop,
    can_prefill_in_chunks,
    copy_cache,
    crop,
    nbytes,
    new_cache,
    select_rows,
)
from studio.engine.tasks.text.decode.packed_weights import pack
from studio.engine.tasks.text.decode.ragged_cache import (
    RaggedCache,
    ragged_attention,
    stack_caches,
    supports_ragged_rows,
)
from studio.engine.tasks.text.decode.sampling import Sampling
from studio.engine.tasks.text.decode.text_decoder import Row
from studio.engine.tasks.text.decode.torch_sampling import SeenTokens, pick

_CACHE_ARGUMENTS = ("cache", "past_key_values", "cache_params")
"""Names of the cache argument in the `forward` methods of attention and other models."""

_PREFILL_TOKENS = {"cpu": 256}
_GPU_PREFILL_TOKENS = 2048
"""Prompt tokens per forward pass. Only whole chunks of the last prompt are reused for the next
one, so that everything is computed in the same shapes and with the same result."""

_MIX_TEST_LENGTHS = {"cpu": (3, 40)}
_GPU_MIX_TEST_LENGTHS = (3, 900)
"""Lengths of the prompts for testing whether prompts can be mixed. GPUs split the sums of long
prompts into pieces whose number depends on the rows."""


@dataclass
class PrefilledPrompt:
    """A prefilled prompt: the KV `cache` of one row, and the `logits` (1, vocabulary) after it."""

    ids: list[int]
    cache: Any
    logits: torch.Tensor

    @property
    def row_bytes(self) -> float:
        """Bytes of the cache per token."""
        return nbytes(self.cache) / max(1, len(self.ids))

    def scores(self) -> np.ndarray[Any, Any]:
        """Return the logits after it, (vocabulary)."""
        found: np.ndarray[Any, Any] = self.logits[0].to("cpu", torch.float32, copy=True).numpy()
        return found

    @property
    def vocabulary(self) -> int:
        """Number of tokens that the model can choose from."""
        return int(self.logits.shape[-1])


class Decoder:
    """Runs a loaded language model. On a CPU, packs its weights first (see `packed_weights`).

    Args:
        model: a causal language model of transformers, in evaluation mode.
        device: torch's name of its device.
    """

    def __init__(self, model: Any, device: str) -> None:
        self._model = model
        self._device = device
        parameters = inspect.signature(model.forward).parameters
        self._cache_name = next(name for name in _CACHE_ARGUMENTS if name in parameters)
        self._last_only = {"logits_to_keep": 1} if "logits_to_keep" in parameters else {}
        self._last_prompt: PrefilledPrompt | None = None
        self._next_prompt: PrefilledPrompt | None = None
        """What was read on after it."""
        self._chunk = _PREFILL_TOKENS.get(device.partition(":")[0], _GPU_PREFILL_TOKENS)
        self._check: Callable[[], None] = _never_stop
        self._can_mix: bool | None = None
        self._check_in_every_layer()
        if device == "cpu":
            pack(model, lambda: self._probe(1))
        self.widths = InvariantWidths(self._probe, invariant_widths(model))

    def forget(self) -> None:
        """Release the KV cache of the last prompt."""
        self._last_prompt = self._next_prompt = None

    def close(self) -> None:
        """Release the model."""
        self.forget()
        self._model = None

    def prefill(
        self, prompt: Sequence[int], check: Callable[[], None], _room: int = 0
    ) -> PrefilledPrompt:
        """Return a prefilled prompt, reusing the last one's cache for their common prefix.

        Args:
            prompt: token ids, at least one.
            check: called often; raises to stop.
        """
        self._check = check
        ids = list(prompt)
        kept = [each for each in (self._last_prompt, self._next_prompt) if each is not None]
        self.forget()
        for known in kept:
            if known.ids == ids and len(known.logits):
                self._last_prompt = known
                return known
        longest = max(kept, key=lambda known: _common_prefix(known.ids, ids), default=None)
        read = self._beginning(longest, ids)
        self._extend(read, ids, check)
        self._last_prompt = read
        return read

    def read_on(self, prompt: Sequence[int], check: Callable[[], None], _room: int) -> None:
        """Read a prompt beside the last one. See `TextDecoder`."""
        last, self._next_prompt = self._last_prompt, None
        # Only whole chunks can be used again.
        ids = list(prompt[: len(prompt) // self._chunk * self._chunk])
        if last is None or not can_crop(last.cache) or _common_prefix(last.ids, ids) == len(ids):
            return
        self._check = check
        self._next_prompt = self._beginning(self.copy_of(last), ids)
        self._extend(self._next_prompt, ids, check)

    def _beginning(self, known: PrefilledPrompt | None, ids: list[int]) -> PrefilledPrompt:
        """Return what is known of a prompt, in whole chunks; this uses up `known`."""
        if known is not None and can_crop(known.cache):
            # The last token is always processed again, for its logits.
            shared = min(_common_prefix(known.ids, ids), len(ids) - 1)
            shared -= shared % self._chunk
            if shared:
                crop(known.cache, shared)
                return PrefilledPrompt(ids[:shared], known.cache, torch.empty(0))
        return PrefilledPrompt([], new_cache(self._model.config), torch.empty(0))

    def _extend(self, read: PrefilledPrompt, ids: list[int], check: Callable[[], None]) -> None:
        """Read the rest of a prompt. What was read before `check` raises stays in `read`."""
        chunk = self._chunk if can_prefill_in_chunks(read.cache) else len(ids)
        try:
            for start in range(len(read.ids), len(ids), chunk):
                check()
                tokens = torch.tensor([ids[start : start + chunk]], device=self._device)
                read.logits = self._forward(tokens, read.cache)
                read.ids = ids[: start + chunk]
        except BaseException:
            if can_crop(read.cache):
                crop(read.cache, len(read.ids))
            raise

    def prepare(
        self, prompt: Sequence[int], check: Callable[[], None], *, is_only: bool = False
    ) -> PrefilledPrompt:
        """Read a prompt. See `TextDecoder`."""
        read = self.prefill(prompt, check)
        return read if is_only else self.copy_of(read)

    def copy_of(self, prompt: Any) -> PrefilledPrompt:
        """Return a copy of a prefilled prompt that survives the next call of `prefill`.

        Only for models that can mix prompts.
        """
        with torch.inference_mode():
            return PrefilledPrompt(prompt.ids, copy_cache(prompt.cache), prompt.logits)

    def can_mix_prompts(self, check: Callable[[], None]) -> bool:
        """Return whether rows with different prompts give the same tokens in one batch as alone.

        Tested once, bit for bit. `check` is called often; raises to stop.
        """
        self._check = check
        if self._can_mix is None:
            self._can_mix = self._try_mixing()
        return self._can_mix

    def batch_class(self, _cells: int) -> int:
        """Return 0: all rows are alike."""
        return 0

    def largest_batch(self, most: int, _cells: int, _check: Callable[[], None]) -> int:
        """Return the largest batch of at most `most` rows, whose rows have the same result as
        alone where the machine allows it."""
        return self.widths.largest(most)

    def generate(
        self,
        rows: Sequence[Row],
        sampling: Sampling,
        stop_tokens: frozenset[int],
        check: Callable[[], None],
        is_wanted: Callable[[int], bool] = lambda _: True,
        on_read: Callable[[], None] = lambda: None,
    ) -> Iterator[list[tuple[int, int]]]:
        """Yield at each step a list of (row, token id) for all rows that have not ended.

        Rows that have ended leave the batch. The stop token of a row is yielded as its last.

        Args:
            rows: the rows; with different prompts only if `can_mix_prompts`.
            sampling: how tokens are picked.
            stop_tokens: tokens that end a row.
            check: called often; raises to stop.
            is_wanted: called for each row and token; False ends the row.
            on_read: called at once.
        """
        self._check = check
        on_read()
        # Rows of equal length must be adjacent, see `ragged_cache`.
        active = sorted(range(len(rows)), key=lambda row: len(rows[row].prompt.ids))
        # The row computed at each place of the batch: active, a copy for padding, or ended.
        places = list(active)
        prompts = [rows[row].prompt for row in places]
        seed = torch.tensor([rows[row].seed for row in places], device=self._device)
        longest = max(row.max_tokens for row in rows)
        seen = SeenTokens([prompt.ids for prompt in prompts], longest, self._device)
        logits, cache = torch.cat([prompt.logits for prompt in prompts]), None
        for step in range(longest):
            check()
            grammars = [rows[row].grammar for row in places]
            tokens = self._pick(logits, seen, seed, step, sampling, grammars)
            chosen = dict(zip(places, tokens.tolist(), strict=True))
            yield [(row, chosen[row]) for row in active]
            active = [
                row
                for row in active
                if chosen[row] not in stop_tokens
                and step + 1 < rows[row].max_tokens
                and is_wanted(row)
            ]
            if not active:
                return
            width = self.widths.width(len(active))
            if cache is None or width < len(places):
                kept = [places.index(row) for row in active]
                kept += kept[-1:] * (width - len(kept))
                places = [places[place] for place in kept]
                index = torch.tensor(kept, device=self._device)
                if cache is None:
                    cache = self._start_cache([rows[row].prompt for row in places], index)
                else:
                    cache = self._select_rows(cache, index)
                tokens, seed = tokens[index], seed[index]
                seen.keep(index)
            logits = self._forward(tokens[:, None], cache)

    def _check_in_every_layer(self) -> None:
        """Call `check` before every layer: a step of a large model parameters seconds."""
        number = getattr(self._model.config.get_text_config(), "num_hidden_layers", 0)
        for part in self._model.modules():
            if isinstance(part, torch.nn.ModuleList) and len(part) == number:
                for layer in part:
                    layer.register_forward_pre_hook(lambda *_: self._check())

    @torch.inference_mode()
    def _pick(
        self,
        logits: torch.Tensor,
        seen: SeenTokens,
        seed: torch.Tensor,
        step: int,
        sampling: Sampling,
        grammars: Sequence[RowGrammar | None],
    ) -> torch.Tensor:
        scores = logits.to(torch.float32, copy=True)
        seen.penalise(scores, sampling.repetition_penalty)
        for row, grammar in zip(scores, grammars, strict=False):
            forbidden = None if grammar is None else grammar.forbidden(len(row))
            if forbidden is not None:
                row.masked_fill_(torch.from_numpy(forbidden).to(row.device), float("-inf"))
        tokens = pick(scores, seed, step, sampling)
        seen.add(tokens)
        return tokens

    @torch.inference_mode()
    def _start_cache(self, prompts: Sequence[PrefilledPrompt], index: torch.Tensor) -> Any:
        """Return a KV cache for rows that follow these prompts, one row per entry of `index`."""
        if all(prompt is prompts[0] for prompt in prompts):
            return select_rows(prompts[0].cache, torch.zeros_like(index))
        return stack_caches([prompt.cache for prompt in prompts])

    @torch.inference_mode()
    def _select_rows(self, cache: Any, index: torch.Tensor) -> Any:
        return cache.select(index) if isinstance(cache, RaggedCache) else select_rows(cache, index)

    @torch.inference_mode()
    def _forward(self, ids: torch.Tensor, cache: Any) -> torch.Tensor:
        """Return the logits (rows, vocabulary) after `ids` (rows, tokens); extends `cache`."""
        options = {"input_ids": ids, "use_cache": True, **self._last_only}
        if isinstance(cache, RaggedCache):
            cache.lengths.advance()
            options |= {
                self._cache_name: cache.cache,
                "position_ids": cache.lengths.positions[:, None],
            }
            with ragged_attention(self._model):
                answer = self._model(**options)
        else:
            answer = self._model(**options, **{self._cache_name: cache})
        logits: torch.Tensor = answer.logits[:, -1]
        return logits

    def _probe(self, rows: int) -> torch.Tensor:
        """Return the logits of `rows` equal rows after a short prompt and one token."""
        vocabulary = int(self._model.get_input_embeddings().num_embeddings)
        ids = torch.tensor([[1, 5, 3, 7]], device=self._device) % vocabulary
        cache = new_cache(self._model.config)
        self._forward(ids[:, :3], cache)
        cache = self._select_rows(cache, torch.zeros(rows, dtype=torch.int64, device=self._device))
        return self._forward(ids[:, 3:].expand(rows, -1), cache)

    def _try_mixing(self) -> bool:
        """Compare two rows with different prompts in one batch and alone, for two tokens."""
        if not self.widths.exact:
            return False
        vocabulary = int(self._model.get_input_embeddings().num_embeddings)
        longest = getattr(self._model.config.get_text_config(), "max_position_embeddings", 1024)
        prompts = []
        for length in _MIX_TEST_LENGTHS.get(self._device.partition(":")[0], _GPU_MIX_TEST_LENGTHS):
            length = min(length, longest - 8)
            ids = torch.arange(length, device=self._device)[None] * 7 % vocabulary
            cache = new_cache(self._model.config)
            prompts.append(PrefilledPrompt(ids[0].tolist(), cache, self._forward(ids, cache)))
        if not supports_ragged_rows(self._model, prompts[0].cache):
            return False
        width = self.widths.width(len(prompts))
        first = torch.arange(width, device=self._device)
        try:
            mixed = self._start_cache([*prompts, *prompts[-1:] * (width - len(prompts))], first)
            together = [self._forward((first + 3)[:, None], mixed) for _ in range(2)]
        except (AttributeError, IndexError, KeyError, TypeError, ValueError, RuntimeError):
            # The model's attention does not use the common interface.
            return False
        for row, prompt in enumerate(prompts):
            cache = self._start_cache([prompt], first[: self.widths.width(1)])
            token = first[row].expand(self.widths.width(1))[:, None] + 3
            for mine in together:
                if not torch.equal(self._forward(token, cache)[0], mine[row]):
                    return False
        return True


def has_known_cache(kind: Any) -> bool:
    """Return whether a model class parameters its cache as one of the known arguments."""
    return any(name in inspect.signature(kind.forward).parameters for name in _CACHE_ARGUMENTS)


def _never_stop() -> None:
    """Never stop."""


def _common_prefix(first: Sequence[int], second: Sequence[int]) -> int:
    """Return the length of the common prefix of two prompts, in tokens."""
    pairs = zip(first, second, strict=False)
    return next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(first), len(second)))
