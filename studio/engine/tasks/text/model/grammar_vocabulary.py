"""The vocabulary of a model as llguidance needs it: the bytes of each token."""

from __future__ import annotations

import copy
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from studio.formats.llama.vocabulary import LlamaVocabulary


def grammar_vocabulary(tokenizer: Any, size: int, ends: Collection[int]) -> Any:
    """Return the `LLTokenizer` of a tokenizer of transformers.

    Raises `ValueError` for one that is not based on tokenizers.

    Args:
        tokenizer: the tokenizer.
        size: number of tokens that the model knows, with those that are never used.
        ends: tokens that end an answer.
    """
    from llguidance import LLTokenizer

    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise ValueError("not a fast tokenizer")
    backend = copy.copy(backend)
    backend.no_padding()
    backend.no_truncation()
    size = max(size, len(tokenizer))
    return LLTokenizer(backend.to_str(), n_vocab=size, eos_token=sorted(ends) or None)


def llama_grammar_vocabulary(vocabulary: LlamaVocabulary, ends: Collection[int]) -> Any:
    """Return the `LLTokenizer` of a vocabulary of llama.cpp."""
    from llguidance import LLTokenizer, TokenizerWrapper

    tokens, special = vocabulary.pieces()
    end = min(ends, default=0)
    wrapped = TokenizerWrapper(_Tokens(end, None, tokens, special, vocabulary))
    return LLTokenizer(wrapped, n_vocab=len(tokens), eos_token=sorted(ends) or None)


@dataclass(frozen=True)
class _Tokens:
    """What `TokenizerWrapper` asks for."""

    eos_token_id: int
    bos_token_id: int | None
    tokens: list[bytes]
    special_token_ids: list[int]
    vocabulary: LlamaVocabulary

    def __call__(self, text: str) -> list[int]:
        """Return tokens with exactly the bytes of a text.

        Some vocabularies put a space before every text, but not after a line break.
        """
        if not isinstance(text, str):
            raise TypeError("text, not bytes")
        data = text.encode()
        line_break = self.vocabulary.plain_tokens("\n")
        for ids in (
            self.vocabulary.plain_tokens(text),
            self.vocabulary.plain_tokens(f"\n{text}")[len(line_break) :],
        ):
            if b"".join(self.tokens[token] for token in ids) == data:
                return ids
        return self._longest(data)

    def _longest(self, data: bytes) -> list[int]:
        """Return tokens of these bytes, each the longest one that fits."""
        known = {piece: token for token, piece in enumerate(self.tokens) if piece}
        most = max(map(len, known))
        ids: list[int] = []
        place = 0
        while place < len(data):
            for length in range(min(most, len(data) - place), 0, -1):
                if (token := known.get(data[place : place + length])) is not None:
                    ids.append(token)
                    place += length
                    break
            else:
                place += 1
        return ids
