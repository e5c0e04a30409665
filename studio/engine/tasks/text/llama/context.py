"""A context of llama.cpp: the KV caches of some sequences, and the call that extends them."""

from __future__ import annotations

import contextlib
import ctypes
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from studio.engine.tasks.text.llama.abort_flag import IS_SET, abort_flag
from studio.formats.llama.library import Batch, LlamaLibrary

CHUNK = 256
"""Largest number of tokens in a call, if not said otherwise."""

_NO_CELLS, _NO_MEMORY = 1, -2
"""Results of `llama_decode`."""


class LlamaContext:
    """The KV caches of a number of sequences, each of its own.

    Args:
        library: llama.cpp.
        model: the loaded model, which must outlive this object.
        cells: tokens that each sequence has room for.
        sequences: number of sequences.
        is_plain: whether attention is computed without flash attention.
        threads: number of threads to compute with.
        chunk: largest number of tokens in a call.

    Raises:
        MemoryError: there is not enough memory.
    """

    def __init__(
        self,
        library: LlamaLibrary,
        model: Any,
        cells: int,
        sequences: int,
        *,
        is_plain: bool,
        threads: int,
        chunk: int = CHUNK,
    ) -> None:
        self.cells, self.sequences, self.is_plain = cells, sequences, is_plain
        self._library = library
        self._vocabulary = int(library.vocab_n_tokens(library.model_get_vocab(model)))
        params = library.context_default_params()
        params.n_ctx, params.n_seq_max = cells * sequences, sequences
        params.kv_unified = False
        params.flash_attn_type = 0 if is_plain else 1
        params.n_batch = params.n_ubatch = chunk
        params.n_threads = params.n_threads_batch = threads
        library.forget_messages()
        self._handle = library.init_from_model(model, params)
        if not self._handle:
            raise MemoryError(f"No context of {cells} tokens: {library.messages()}")
        self._memory = library.get_memory(self._handle)
        self._batch = _BatchArrays(chunk)

    @property
    def handle(self) -> Any:
        """The `llama_context`, None when closed."""
        return self._handle

    @property
    def is_closed(self) -> bool:
        """Whether the memory was released."""
        return self._handle is None

    def close(self) -> None:
        """Release the memory."""
        if self._handle is not None:
            self._library.free(self._handle)
        self._handle = self._memory = None

    def decode(
        self,
        tokens: Sequence[int],
        places: Sequence[int],
        sequences: Sequence[int],
        wanted: Sequence[bool],
    ) -> None:
        """Append tokens to sequences; compute the logits after those that are `wanted`.

        Raises:
            MemoryError: there is not enough memory.
            RuntimeError: it failed, or was stopped.
        """
        result = self._library.decode(
            self._handle, self._batch.fill(tokens, places, sequences, wanted)
        )
        if result == 0:
            return
        detail = f"llama_decode returned {result}: {self._library.messages()}"
        if result in (_NO_CELLS, _NO_MEMORY):
            raise MemoryError(detail)
        raise RuntimeError(detail)

    def logits(self, rows: int) -> NDArray[np.float32]:
        """Return the logits of the last call, (rows, vocabulary), in the library's memory."""
        address = ctypes.addressof(self._library.get_logits(self._handle).contents)
        room: Any = (ctypes.c_float * (rows * self._vocabulary)).from_address(address)
        return np.ndarray((rows, self._vocabulary), np.float32, buffer=room)

    def copy(self, source: int, target: int) -> None:
        """Make a sequence a copy of another."""
        self.clear(target)
        self._library.memory_seq_cp(self._memory, source, target, -1, -1)

    def clear(self, sequence: int) -> None:
        """Empty a sequence."""
        self._library.memory_seq_rm(self._memory, sequence, -1, -1)

    def truncate(self, sequence: int, tokens: int) -> bool:
        """Keep the first tokens of a sequence. Returns False if the model's cache cannot be cut."""
        return bool(self._library.memory_seq_rm(self._memory, sequence, tokens, -1))

    def size(self, sequence: int) -> int:
        """Return the size of a sequence in bytes."""
        return int(self._library.state_seq_get_size(self._handle, sequence))

    def state(self, sequence: int) -> Any:
        """Return a copy of a sequence as bytes, None if the model's cache cannot be copied."""
        size = self.size(sequence)
        state = (ctypes.c_uint8 * size)()
        copied = self._library.state_seq_get_data(self._handle, state, size, sequence)
        return state if copied == size else None

    def restore(self, sequence: int, state: Any) -> bool:
        """Replace a sequence by one from another context. Returns whether that was possible."""
        self.clear(sequence)
        read = self._library.state_seq_set_data(self._handle, state, len(state), sequence)
        return int(read) == len(state)

    @contextlib.contextmanager
    def stopped_by(self, check: Callable[[], None]) -> Iterator[None]:
        """Have calculations end early once `check` raises."""
        with abort_flag(check) as address:
            self._library.set_abort_callback(self._handle, IS_SET, address)
            try:
                yield
            except RuntimeError:
                check()
                raise
            finally:
                # A generator may be closed after the context was freed.
                if self._handle is not None:
                    self._library.set_abort_callback(self._handle, None, None)


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
