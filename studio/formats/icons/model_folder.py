"""Folders of models that draw icons: a causal language model whose first tokens draw."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec
from msgspec import Struct

from studio.formats.icons.tokens import CORNERS, DRAW, DRAWING, START, WEIGHTS
from studio.formats.untrusted_files import is_file, read_start

TOKENIZER = "tokenizer.json"
_LARGEST = 4 * 2**20
"""Bytes of a tokenizer; 2,600 words take 80 KB."""
_MARK = b'"<draw>"'
_SET = "<set:"


class IconVocabulary(Struct, frozen=True):
    """The tokens of a model by name. `is_current` is whether it draws as this version does."""

    ids: Mapping[str, int]
    is_current: bool

    @property
    def words(self) -> frozenset[str]:
        """The words of prompts."""
        return frozenset(token for token in self.ids if token[0].isalnum()) - frozenset(DRAWING)

    @property
    def families(self) -> tuple[str, ...]:
        """The icon sets whose style the model knows."""
        sets = (token for token in self.ids if token.startswith(_SET) and token.endswith(">"))
        return tuple(token[len(_SET) : -1] for token in sets)


def family_token(name: str) -> str:
    """Return the token that stands for the style of an icon set."""
    return f"{_SET}{name}>"


def looks_like_icons(folder: Path) -> bool:
    """Return whether a folder has a tokenizer that draws icons."""
    return _MARK in _content(folder)


def read_vocabulary(folder: Path) -> IconVocabulary | None:
    """Return the vocabulary of a model folder, None if it is of another kind or damaged."""
    content = _content(folder)
    if _MARK not in content:
        return None
    try:
        ids = msgspec.json.decode(content, type=_Tokenizer).model.vocab
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if "" in ids or sorted(ids.values()) != list(range(len(ids))):
        return None
    draws = all(ids.get(token) == number for number, token in enumerate(DRAWING))
    is_current = draws and all(token in ids for token in (START, DRAW, *CORNERS, *WEIGHTS))
    return IconVocabulary(ids, is_current)


class _Words(Struct):
    vocab: dict[str, int]


class _Tokenizer(Struct):
    model: _Words


def _content(folder: Path) -> bytes:
    file = folder / TOKENIZER
    try:
        found = read_start(file, _LARGEST + 1) if is_file(file) else b""
    except OSError:
        return b""
    return found if len(found) <= _LARGEST else b""
