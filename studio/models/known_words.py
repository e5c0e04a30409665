"""What a model with a small domain says it understands: `known_words.json` in its folder.

`names` are the phrases that name one of its things, `besides` are words around a name that change
nothing. A prompt is understood if it is one name and nothing but such words.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from pathlib import Path

import msgspec
from msgspec import Struct

from studio.formats.untrusted_files import read_start
from studio.models.description_cache import signature

FILE = "known_words.json"

_MAX_FILE = 4 * 2**20
_LONGEST_PROMPT = 300
"""Characters; what follows is not looked at."""

_LONGEST_PHRASE = 60
_MANY_WORDS = 100.0
"""Cost of a character that no phrase explains, against 1 for a name."""

_WORD = re.compile(r"[a-z0-9]+(?:['’-][a-z0-9]+)*")
_SKIN = re.compile("[\U0001f3fb-\U0001f3ff\ufe0f]")


class Understanding(Struct, frozen=True):
    """What of a prompt a model understands.

    Attributes:
        names: the things that the prompt names.
        unknown: the words that say nothing to the model.
    """

    names: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether the prompt is one thing, and nothing else."""
        return len(self.names) == 1 and not self.unknown


class KnownWords(Struct, frozen=True):
    """The lists of a model, in lower case after NFKC."""

    names: frozenset[str]
    besides: frozenset[str] = frozenset()

    def read(self, prompt: str) -> Understanding:
        """Return what of a prompt is understood; of an empty one nothing is asked."""
        text = _SKIN.sub("", unicodedata.normalize("NFKC", prompt[:_LONGEST_PROMPT]).lower())
        units = _units(text)
        best = _Reading(self).best(units)
        return Understanding(
            tuple(dict.fromkeys(best.names)), tuple(dict.fromkeys(_joined(best.unknown)))
        )


def known_words(folder: Path) -> KnownWords | None:
    """Return the lists of the model in a folder, None if it has none. Reads the disk."""
    file = folder / FILE
    return _read(str(file), signature(file))


@lru_cache(maxsize=8)
def _read(file: str, _signature: str) -> KnownWords | None:
    try:
        data = read_start(Path(file), _MAX_FILE + 1)
        return msgspec.json.decode(data, type=KnownWords) if len(data) <= _MAX_FILE else None
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


class _Unit(Struct, frozen=True):
    """A word, or a character of a script without blanks, and where it is in the text."""

    text: str
    start: int
    end: int


def _units(text: str) -> list[_Unit]:
    units: list[_Unit] = []
    place = 0
    while place < len(text):
        word = _WORD.match(text, place)
        end = word.end() if word else place + 1
        piece = text[place:end]
        # Signs of the keyboard, as in {red|blue}, ask for nothing; drawn ones are names.
        is_said = not piece.isascii() and unicodedata.category(piece)[0] not in "PZC"
        if word or is_said or piece == "\u200d":
            units.append(_Unit(piece, place, end))
        place = end
    return units


class _Path(Struct, frozen=True):
    """The best way to read the first units: its cost, the names and the unexplained units."""

    cost: float
    names: tuple[str, ...] = ()
    unknown: tuple[_Unit, ...] = ()


class _Reading:
    """Divides a prompt into phrases, with as few unexplained characters and names as possible."""

    def __init__(self, known: KnownWords) -> None:
        self._known = known

    def best(self, units: list[_Unit]) -> _Path:
        """Return the best way to read all units; one with a name goes before one without."""
        # By the number of units read, and whether a name is among them.
        paths: list[list[_Path | None]] = [[None, None] for _ in range(len(units) + 1)]
        paths[0][0] = _Path(0.0)
        for first in range(len(units)):
            for path in paths[first]:
                if path is None:
                    continue
                self._extend(paths, units, first, path)
        without, with_name = paths[-1]
        found = [path for path in (with_name, without) if path is not None]
        return min(found, key=lambda path: path.cost + (0 if path.names else 2))

    def _extend(
        self, paths: list[list[_Path | None]], units: list[_Unit], first: int, path: _Path
    ) -> None:
        own = units[first]
        unknown = _Path(path.cost + _MANY_WORDS * len(own.text), path.names, (*path.unknown, own))
        _keep(paths, first + 1, unknown)
        phrase = ""
        for last in range(first, len(units)):
            gap = bool(phrase) and units[last].start > units[last - 1].end
            phrase += (" " if gap else "") + units[last].text
            if len(phrase) > _LONGEST_PHRASE:
                break
            if phrase in self._known.besides:
                _keep(paths, last + 1, _Path(path.cost, path.names, path.unknown))
            name = self._name(phrase)
            if name:
                # Long names before short ones, where both would do.
                cost = path.cost + 1 - len(phrase) / 1000
                _keep(paths, last + 1, _Path(cost, (*path.names, name), path.unknown))

    def _name(self, phrase: str) -> str:
        """Return a phrase if it is a name, or the name that it is the plural of."""
        names = self._known.names
        if phrase in names:
            return phrase
        for ending, instead in (("ies", "y"), ("es", ""), ("s", "")):
            if phrase.isascii() and phrase.endswith(ending):
                single = phrase[: -len(ending)] + instead
                if single in names:
                    return single
        return ""


def _keep(paths: list[list[_Path | None]], place: int, path: _Path) -> None:
    which = int(bool(path.names))
    before = paths[place][which]
    if before is None or path.cost < before.cost:
        paths[place][which] = path


def _joined(units: tuple[_Unit, ...]) -> list[str]:
    """Return adjacent units as one word, as in Chinese."""
    words: list[str] = []
    end = -1
    for unit in units:
        if unit.start == end:
            words[-1] += unit.text
        else:
            words.append(unit.text)
        end = unit.end
    return words
