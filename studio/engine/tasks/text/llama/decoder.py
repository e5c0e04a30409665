"""The decoding loop with llama.cpp.

The prompt is read once, as sequence 0 of a context; the rows continue it and copies of it. Tokens
are picked by the same code as with transformers, so that the seed of a row means the same.

Rows of a batch are to have the same result as alone. With quantised weights the library computes
each row by itself, so only attention matters: every sequence has a KV cache of its own, and flash
attention, which splits the cache for a single row only, is used beyond a length where its memory
counts. Whether rows agree is tested for each model, bit for bit.
"""

from __future__ import annotations

import contextlib
import ctypes
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from studio.engine.tasks.text.decode.sampling import Sampling, SeenTokens, pick
from studio.engine.tasks.text.decode.text_decoder import Row
from studio.engine.tasks.text.llama.abort_flag import IS_SET, abort_flag
from studio.formats.llama.library import Batch, LlamaLibrary

_CHUNK = 256
"""Prompt tokens per call. Only whole chunks of the last prompt are reused for the next one, so
that everything is computed in the same shapes and with the same result."""

_CELLS = 512
"""The size of the KV cache is a multiple of this, so that it is not made anew for each turn."""

_PLAIN_ATTENTION_CELLS = 8192
"""Longest prompt and answer without flash attention, whose scores would fill the memory."""

_TEST_WIDTHS = (2, 3, 4, 8, 16, 32)
_TEST_PROMPT = (1, 5, 3)

_CONTEXT_FIELDS = (
    "_context",
    "_memory",
    "_cells",
    "_sequences",
    "_is_plain",
    "_cached",
    "_last_prompt",
)

_NO_CELLS, _NO_MEMORY = 1, -2
"""Results of `llama_decode`."""


@dataclass(frozen=True)
class LlamaPrompt:
    """A prompt in the KV cache, and the `logits` (1, vocabulary) after it."""

    ids: list[int]
    row_bytes: float
    logits: torch.Tensor

    @property
    def vocabulary(self) -> int:
        """Number of tokens that the model can choose from."""
        return int(self.logits.shape[-1])


class LlamaDecoder:
    """Runs a model of llama.cpp.

    Args:
        library: llama.cpp.
        model: the loaded model, freed by `close`.
        vocabulary: number of tokens in its vocabulary.
        threads: number of threads to compute with.
    """

    def __init__(self, library: LlamaLibrary, model: Any, vocabulary: int, threads: int) -> None:
        self._library = library
        self._model = model
        self._vocabulary = vocabulary
        self._threads = threads
        self._context: Any = None
        self._memory: Any = None
        self._cells = self._sequences = 0
        self._is_plain = True
        self._exact_width: int | None = None
        self._cached: list[int] = []
        """The tokens of sequence 0."""
        self._last_prompt: LlamaPrompt | None = None
        self._batch = _BatchArrays(_CHUNK)

    def forget(self) -> None:
        """Release the KV cache."""
        self._last_prompt, self._cached = None, []
        if self._context is not None:
            self._library.free(self._context)
        self._context = self._memory = None
        self._cells = self._sequences = 0

    def close(self) -> None:
        """Release the model."""
        self.forget()
        if self._model is not None:
            self._library.model_free(self._model)
        self._model = None

    def prefill(
        self, prompt: Sequence[int], check: Callable[[], None], room: int = 0
    ) -> LlamaPrompt:
        """Read a prompt. See `TextDecoder`."""
        ids = list(prompt)
        last, self._last_prompt = self._last_prompt, None
        self._reserve(len(ids) + room, 1)
        if last is not None and last.ids == ids == self._cached:
            self._last_prompt = last
            return last
        # The last token is always processed again, for its logits.
        known = min(_common_prefix(self._cached, ids), len(ids) - 1) // _CHUNK * _CHUNK
        self._truncate(known)
        with self._stopped_by(check):
            for start in range(len(self._cached), len(ids), _CHUNK):
                check()
                tokens = ids[start : start + _CHUNK]
                places = range(start, start + len(tokens))
                wanted = [False] * (len(tokens) - 1) + [True]
                self._decode(tokens, places, [0] * len(tokens), wanted, check)
                self._cached += tokens
        size = self._library.state_seq_get_size(self._context, 0)
        self._last_prompt = LlamaPrompt(ids, size / len(ids), self._logits(1).clone())
        return self._last_prompt

    def copy_of(self, prompt: Any) -> LlamaPrompt:
        """Not supported: see `can_mix_prompts`."""
        raise NotImplementedError

    def can_mix_prompts(self, _check: Callable[[], None]) -> bool:
        """Return False: rows are computed alone, so that nothing is gained."""
        return False

    def largest_batch(self, most: int, cells: int) -> int:
        """Return the largest batch. See `TextDecoder`."""
        if most == 1 or cells > _PLAIN_ATTENTION_CELLS:
            return 1
        if self._exact_width is None:
            self._exact_width = self._find_exact_width()
        return min(most, self._exact_width)

    def generate(
        self,
        rows: Sequence[Row],
        sampling: Sampling,
        stop_tokens: frozenset[int],
        check: Callable[[], None],
        is_wanted: Callable[[int], bool] = lambda _: True,
    ) -> Iterator[list[tuple[int, int]]]:
        """Yield the tokens of each step. See `TextDecoder`."""
        prompt: LlamaPrompt = rows[0].prompt
        self._reserve(len(prompt.ids) + max(row.max_tokens for row in rows), len(rows))
        if self._cached != prompt.ids:
            prompt = self.prefill(prompt.ids, check)
        for sequence in range(1, len(rows)):
            self._copy(0, sequence)
        try:
            with self._stopped_by(check):
                yield from self._steps(rows, prompt, sampling, stop_tokens, check, is_wanted)
        finally:
            self._truncate(len(prompt.ids))

    @contextlib.contextmanager
    def _stopped_by(self, check: Callable[[], None]) -> Iterator[None]:
        """Have calculations end early once `check` raises."""
        context = self._context
        with abort_flag(check) as address:
            self._library.set_abort_callback(context, IS_SET, address)
            try:
                yield
            finally:
                # A generator may be closed after the context was freed.
                if self._context is context:
                    self._library.set_abort_callback(context, None, None)

    def _steps(
        self,
        rows: Sequence[Row],
        prompt: LlamaPrompt,
        sampling: Sampling,
        stop_tokens: frozenset[int],
        check: Callable[[], None],
        is_wanted: Callable[[int], bool],
    ) -> Iterator[list[tuple[int, int]]]:
        active = list(range(len(rows)))
        seeds = torch.tensor([row.seed for row in rows])
        longest = max(row.max_tokens for row in rows)
        seen = SeenTokens([prompt.ids for _ in rows], longest, "cpu")
        logits = prompt.logits.expand(len(rows), -1)
        for step in range(longest):
            check()
            with torch.inference_mode():
                # The scores are changed in place, and the library's array is used again.
                scores = logits.to(torch.float32, copy=True)
                seen.penalise(scores, sampling.repetition_penalty)
                tokens = pick(scores, seeds, step, sampling)
                seen.add(tokens)
            chosen = tokens.tolist()
            yield list(zip(active, chosen, strict=True))
            ended = [
                place
                for place, (row, token) in enumerate(zip(active, chosen, strict=True))
                if token in stop_tokens or step + 1 == rows[row].max_tokens or not is_wanted(row)
            ]
            if len(ended) == len(active):
                return
            if ended:
                kept = self._close_gaps(len(active), ended)
                index = torch.tensor(kept)
                seeds = seeds[index]
                seen.keep(index)
                active = [active[place] for place in kept]
                chosen = [chosen[place] for place in kept]
            number = len(active)
            places = [len(prompt.ids) + step] * number
            self._decode(chosen, places, range(number), [True] * number, check)
            logits = self._logits(number)

    def _close_gaps(self, number: int, ended: Sequence[int]) -> list[int]:
        """Move the last sequences to the places of those that ended.

        Returns the former place of each sequence that is left. The library computes only adjacent
        sequences together.
        """
        kept = list(range(number))
        for place in reversed(ended):
            last = kept.pop()
            if place < len(kept):
                self._copy(len(kept), place)
                kept[place] = last
        return kept

    def _copy(self, source: int, target: int) -> None:
        self._library.memory_seq_rm(self._memory, target, -1, -1)
        self._library.memory_seq_cp(self._memory, source, target, -1, -1)

    def _find_exact_width(self) -> int:
        """Return the largest batch whose rows have the same logits as alone, bit for bit."""
        kept = {name: getattr(self, name) for name in _CONTEXT_FIELDS}
        self._context = self._memory = self._last_prompt = None
        self._cached, self._cells = [], 0
        try:
            self._reserve(len(_TEST_PROMPT) + 1, _TEST_WIDTHS[-1])
            alone = self._test_logits(1)
            exact = 1
            for width in _TEST_WIDTHS:
                if not bool((self._test_logits(width) == alone).all()):
                    break
                exact = width
            return exact
        finally:
            self.forget()
            for name, value in kept.items():
                setattr(self, name, value)

    def _test_logits(self, rows: int) -> torch.Tensor:
        """Return the logits of equal rows after a short prompt and one token."""
        number = len(_TEST_PROMPT)
        self._library.memory_clear(self._memory, True)
        tokens = [token % self._vocabulary for token in _TEST_PROMPT]
        self._decode(tokens, range(number), [0] * number, [True] * number, _never)
        for sequence in range(1, rows):
            self._copy(0, sequence)
        same = [7 % self._vocabulary] * rows
        self._decode(same, [number] * rows, range(rows), [True] * rows, _never)
        return self._logits(rows).clone()

    def _decode(
        self,
        tokens: Sequence[int],
        places: Sequence[int],
        sequences: Sequence[int],
        wanted: Sequence[bool],
        check: Callable[[], None],
    ) -> None:
        result = self._library.decode(
            self._context, self._batch.fill(tokens, places, sequences, wanted)
        )
        if result == 0:
            return
        # What was computed before the end stays in the cache.
        self._truncate(len(self._cached))
        check()
        detail = f"llama_decode returned {result}: {self._library.messages()}"
        if result in (_NO_CELLS, _NO_MEMORY):
            raise MemoryError(detail)
        raise RuntimeError(detail)

    def _logits(self, rows: int) -> torch.Tensor:
        """Return the logits of the last call, (rows, vocabulary), in the library's memory."""
        pointer = self._library.get_logits(self._context)
        return torch.from_numpy(np.ctypeslib.as_array(pointer, (rows, self._vocabulary)))

    def _truncate(self, tokens: int) -> None:
        """Keep the first tokens of sequence 0, or none if the model's cache cannot be cut."""
        if self._context is None:
            return
        for sequence in range(1, self._sequences):
            self._library.memory_seq_rm(self._memory, sequence, -1, -1)
        if tokens and self._library.memory_seq_rm(self._memory, 0, tokens, -1):
            del self._cached[tokens:]
        else:
            self._library.memory_clear(self._memory, False)
            self._cached = []

    def _reserve(self, cells: int, sequences: int) -> None:
        """Make a context of at least this size for each sequence. Sequence 0 is kept if possible.

        Raises:
            MemoryError: there is not enough memory.
        """
        is_plain = cells <= _PLAIN_ATTENTION_CELLS
        if (
            self._cells >= cells
            and self._sequences >= sequences
            and self._is_plain == is_plain
            and self._context is not None
        ):
            return
        keeps = self._is_plain == is_plain
        state, cached = self._state() if keeps else None, self._cached
        last = self._last_prompt
        self.forget()
        cells = -(-cells // _CELLS) * _CELLS
        params = self._library.context_default_params()
        params.n_ctx, params.n_seq_max = cells * sequences, sequences
        params.kv_unified = False
        params.flash_attn_type = 0 if is_plain else 1
        params.n_batch = params.n_ubatch = min(_CHUNK, cells)
        params.n_threads = params.n_threads_batch = self._threads
        self._library.forget_messages()
        context = self._library.init_from_model(self._model, params)
        if not context:
            raise MemoryError(f"No context of {cells} tokens: {self._library.messages()}")
        self._context, self._memory = context, self._library.get_memory(context)
        self._cells, self._sequences, self._is_plain = cells, sequences, is_plain
        if state is not None and self._library.state_seq_set_data(context, state, len(state), 0):
            self._cached, self._last_prompt = cached, last

    def _state(self) -> Any:
        """Return the state of sequence 0, None if it is empty."""
        if self._context is None or not self._cached:
            return None
        size = self._library.state_seq_get_size(self._context, 0)
        state = (ctypes.c_uint8 * size)()
        copied = self._library.state_seq_get_data(self._context, state, size, 0)
        return state if copied == size else None


class _BatchArrays:
    """The arrays of a `llama_batch` with room for a number of tokens."""

    def __init__(self, room: int) -> None:
        self._tokens = (ctypes.c_int32 * room)()
        self._places = (ctypes.c_int32 * room)()
        self._counts = (ctypes.c_int32 * room)(*[1] * room)
        self._sequences = (ctypes.c_int32 * room)()
        start, step = ctypes.addressof(self._sequences), ctypes.sizeof(ctypes.c_int32)
        pointer = ctypes.POINTER(ctypes.c_int32)
        self._pointers = (pointer * room)(
            *(ctypes.cast(start + step * place, pointer) for place in range(room))
        )
        self._wanted = (ctypes.c_int8 * room)()

    def fill(
        self,
        tokens: Sequence[int],
        places: Sequence[int],
        sequences: Sequence[int],
        wanted: Sequence[bool],
    ) -> Batch:
        """Return a batch with these tokens, which the next call overwrites."""
        number = len(tokens)
        self._tokens[:number] = list(tokens)
        self._places[:number] = list(places)
        self._sequences[:number] = list(sequences)
        self._wanted[:number] = list(wanted)
        return Batch(
            number, self._tokens, None, self._places, self._counts, self._pointers, self._wanted
        )


def _common_prefix(first: Sequence[int], second: Sequence[int]) -> int:
    """Return the length of the common prefix of two prompts, in tokens."""
    pairs = zip(first, second, strict=False)
    return next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(first), len(second)))


def _never() -> None:
    """Never stop."""
