"""The vocabulary of a model of llama.cpp."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from studio.formats.chat.chat_template import SPECIAL_TOKENS
from studio.formats.llama.library import LlamaLibrary, llama_library
from studio.formats.weights.gguf import GgufHeader, read_gguf_header

_NO_VOCABULARY = 0
_METADATA_NAMES = {"bos": "bos", "eos": "eos", "unk": "unknown", "pad": "padding"}


class LlamaVocabulary:
    """Text to tokens and back.

    Args:
        library: llama.cpp.
        model: the loaded model, which must outlive this object.
        header: the header of its file.
    """

    def __init__(self, library: LlamaLibrary, model: Any, header: GgufHeader) -> None:
        self._library = library
        self._vocabulary = library.model_get_vocab(model)
        self.header = header
        self.size = int(library.vocab_n_tokens(self._vocabulary))

    @property
    def is_empty(self) -> bool:
        """Whether the file has no tokenizer."""
        return self.size == 0 or self._library.vocab_type(self._vocabulary) == _NO_VOCABULARY

    def encode(self, text: str, *, special: bool) -> list[int]:
        """Return token ids; special tokens that the text spells out are recognised.

        The token at the start of every text is always added if the vocabulary has one, as by
        other programs with llama.cpp, but not twice: many chat templates spell it out.
        """
        ids = self._tokenize(text, special)
        first = self._library.vocab_bos(self._vocabulary)
        adds_first = self._library.vocab_get_add_bos(self._vocabulary)
        if not special and adds_first and first >= 0 and ids[:1] != [first]:
            return [first, *ids]
        return ids

    def plain_tokens(self, text: str) -> list[int]:
        """Return the tokens of a text alone; special tokens that it spells out are plain text."""
        return self._tokenize(text, False, parses_special=False)

    def pieces(self) -> tuple[list[bytes], list[int]]:
        """Return the bytes of all tokens, and which tokens are special."""
        room = 256
        buffer = ctypes.create_string_buffer(room)
        pieces, special = [], []
        for token in range(self.size):
            length = self._library.token_to_piece(self._vocabulary, token, buffer, room, 0, True)
            if length < 0:
                room = -length
                buffer = ctypes.create_string_buffer(room)
                length = self._library.token_to_piece(
                    self._vocabulary, token, buffer, room, 0, True
                )
            pieces.append(buffer.raw[: max(0, length)])
            if self._library.vocab_is_control(self._vocabulary, token):
                special.append(token)
        return pieces, special

    def _tokenize(self, text: str, special: bool, *, parses_special: bool = True) -> list[int]:
        data = text.encode("utf-8", "replace")
        room = len(data) + 8
        while True:
            ids = (ctypes.c_int32 * room)()
            number = self._library.tokenize(
                self._vocabulary, data, len(data), ids, room, special, parses_special
            )
            if number >= 0:
                return list(ids[:number])
            room = -number

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of tokens, without special tokens."""
        number = len(ids)
        if not number:
            return ""
        tokens = (ctypes.c_int32 * number)(*ids)
        room = 16 * number + 64
        while True:
            buffer = ctypes.create_string_buffer(room)
            length = self._library.detokenize(
                self._vocabulary, tokens, number, buffer, room, False, False
            )
            if length >= 0:
                return buffer.raw[:length].decode("utf-8", "replace")
            room = -length

    def special_tokens(self) -> dict[str, str]:
        """Return names and texts of the special tokens, for chat templates."""
        found: dict[str, str] = {}
        for name in SPECIAL_TOKENS:
            short = name.removesuffix("_token")
            number = self.header.metadata.get(f"tokenizer.ggml.{_METADATA_NAMES[short]}_token_id")
            if not isinstance(number, int) and short in ("bos", "eos"):
                number = getattr(self._library, f"vocab_{short}")(self._vocabulary)
            if isinstance(number, int) and 0 <= number < self.size:
                found[name] = self._library.vocab_get_text(self._vocabulary, number).decode(
                    "utf-8", "replace"
                )
        return found

    def stop_tokens(self, names: Iterable[str]) -> frozenset[int]:
        """Return the tokens that end an answer: those that the file declares, and these names."""
        ends = {
            self._library.vocab_eos(self._vocabulary),
            self._library.vocab_eot(self._vocabulary),
        }
        for name in names:
            ids = self._tokenize(name, False)
            if len(ids) == 1:
                ends.add(ids[0])
        return frozenset(token for token in ends if 0 <= token < self.size)


def read_vocabulary(file: Path) -> LlamaVocabulary:
    """Read the vocabulary of a GGUF file, without its weights.

    Raises:
        ProblemError: the file is damaged.
        OSError: llama.cpp is missing or cannot read it.
    """
    library = llama_library()
    if library is None:
        raise OSError("llama.cpp is missing")
    header = read_gguf_header(file)
    params = library.model_default_params()
    params.vocab_only = True
    model = library.model_load_from_file(os.fsencode(file), params)
    if not model:
        raise OSError(library.messages())
    return LlamaVocabulary(library, model, header)
