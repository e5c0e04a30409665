"""English words as phonemes, in the alphabet of Kokoro.

The lexicons are those of misaki (Apache-2.0), and so are the rules for endings. Words that are in
none are put together from known ones, spelled out, or read letter by letter in their context
(`english_spelling`).
"""

from __future__ import annotations

import importlib.resources
import re
import unicodedata
from functools import cache
from typing import Any

import msgspec

from studio.engine.tasks.speech.text.english_spelling import read_spelling

_TAUS = frozenset("AIOWYiuæɑəɛɪɹʊʌ")
"""Sounds after which an American t is a tap."""
_VOWELS = frozenset("AIOQWYaiuæɑɒɔəɛɜɪʊʌᵻɐ")
_PREFIXES = (
    *("anti", "inter", "micro", "multi", "non", "over", "post", "pre", "re", "sub", "super"),
    *("under", "un", "up", "mis", "dis", "co", "de"),
)
_DETERMINERS = frozenset(
    [
        "a",
        "an",
        "the",
        "this",
        "that",
        "these",
        "those",
        "my",
        "your",
        "his",
        "her",
        "its",
        "our",
        "their",
        "no",
        "some",
        "any",
        "each",
        "every",
        "of",
    ]
)
_BEFORE_VERBS = frozenset(
    [
        "to",
        "will",
        "would",
        "can",
        "could",
        "shall",
        "should",
        "may",
        "might",
        "must",
        "i",
        "you",
        "we",
        "they",
        "don't",
        "didn't",
        "doesn't",
        "let's",
        "please",
        "cannot",
        "can't",
        "won't",
    ]
)
_BEFORE_PARTICIPLES = frozenset(
    ["have", "has", "had", "having", "was", "were", "is", "are", "been", "be", "being"]
)
_WEAK = {"a": "ɐ", "an": "ɐn", "am": "ɐm"}


class English:
    """Reads words in American or British English."""

    def __init__(self, *, british: bool = False) -> None:
        self._british = british
        region = "gb" if british else "us"
        self._lexicons = (_lexicon(f"{region}_gold.json"), _lexicon(f"{region}_silver.json"))

    def phonemes(self, word: str, before: str = "", next_sound: str = "") -> str:
        """Return the phonemes of a word.

        Args:
            word: letters and apostrophes.
            before: the word before it, in lower case, which tells verbs from nouns.
            next_sound: the first phonemes of the word after it, "" at the end of a clause.
        """
        special = self._special(word, next_sound)
        if special:
            return special
        for form in dict.fromkeys((word, word.lower(), word.lower().capitalize())):
            found = self._known(form, _part_of_speech(before))
            if found:
                return found
        plain = _without_accents(word)
        if plain != word:
            return self.phonemes(plain, before, next_sound) if plain else ""
        if _is_abbreviation(word):
            return self.spelled(word)
        return self._derived(word.lower()) or read_spelling(word.lower().replace("'", ""))

    def spelled(self, word: str) -> str:
        """Return the names of the letters of a word."""
        gold = self._lexicons[0]
        names = [str(gold.get(letter.upper(), "")) for letter in word if letter.isalpha()]
        names = [name.replace("ˈ", "ˌ") for name in names[:-1]] + names[-1:]
        return "".join(names)

    def _special(self, word: str, next_sound: str) -> str:
        low = word.lower()
        follows_vowel = next_sound.lstrip("ˈˌ")[:1] in _VOWELS if next_sound else False
        if low == "the":
            return "ði" if follows_vowel else "ðə"
        if low == "to" and next_sound:
            return "tʊ" if follows_vowel else "tə"
        if word == "I":
            return "ˌI"
        if word == "A" and not next_sound:
            return "ˈA"
        return _WEAK.get(low, "") if next_sound or low != "am" else ""

    def _known(self, word: str, part: str) -> str:
        found = self._look_up(word, part)
        if found or not word.isascii():
            return found
        for ending, stems in (("s", _s_stems), ("d", _ed_stems), ("ing", _ing_stems)):
            if not word.endswith(ending):
                continue
            for stem in stems(word):
                known = self._look_up(stem, part)
                if known:
                    add = {"s": self._with_s, "d": self._with_ed, "ing": self._with_ing}[ending]
                    return add(known)
        if word.endswith("s'"):
            return self._known(word[:-1], part)
        if word.endswith("in'"):
            return self._known(f"{word[:-1]}g", part)
        return ""

    def _look_up(self, word: str, part: str) -> str:
        for lexicon in self._lexicons:
            found: Any = lexicon.get(word)
            if isinstance(found, dict):
                found = found.get(part) or found.get("DEFAULT")
            if found:
                return str(found)
        return ""

    def _derived(self, word: str) -> str:
        """Return an unknown word that is made of known ones, "" if it is not."""
        for ending, sound in (("ness", "nəs"), ("less", "ləs"), ("ly", "li"), ("ful", "fᵊl")):
            stem = word.removesuffix(ending)
            if stem != word and len(stem) > 2 and (known := self._known(stem, "")):
                return known + sound
        for ending in ("er", "ers", "able"):
            stem = word.removesuffix(ending)
            if stem == word or len(stem) < 3:
                continue
            known = next(filter(None, (self._look_up(each, "VERB") for each in _e_stems(stem))), "")
            if known:
                return known + {"er": "əɹ", "ers": "əɹz", "able": "əbᵊl"}[ending]
        for prefix in _PREFIXES:
            rest = word.removeprefix(prefix)
            if rest != word and len(rest) > 3:
                first, second = self._known(prefix, ""), self._known(rest, "")
                if first and second:
                    return first.replace("ˈ", "ˌ") + second
        for at in range(len(word) - 3, 2, -1):
            first, second = self._known(word[:at], ""), self._known(word[at:], "")
            if first and second:
                return first + second.replace("ˈ", "ˌ")
        return ""

    def _with_s(self, stem: str) -> str:
        if stem[-1] in "ptkfθ":
            return f"{stem}s"
        if stem[-1] in "szʃʒʧʤ":
            return f"{stem}{'ɪ' if self._british else 'ᵻ'}z"
        return f"{stem}z"

    def _with_ed(self, stem: str) -> str:
        if stem[-1] in "pkfθʃsʧ":
            return f"{stem}t"
        if stem[-1] == "d":
            return f"{stem}{'ɪ' if self._british else 'ᵻ'}d"
        if stem[-1] != "t":
            return f"{stem}d"
        if self._british or len(stem) < 2:
            return f"{stem}ɪd"
        return f"{stem[:-1]}ɾᵻd" if stem[-2] in _TAUS else f"{stem}ᵻd"

    def _with_ing(self, stem: str) -> str:
        if not self._british and len(stem) > 1 and stem[-1] == "t" and stem[-2] in _TAUS:
            return f"{stem[:-1]}ɾɪŋ"
        return f"{stem}ɪŋ"


@cache
def english(*, british: bool = False) -> English:
    """Return a reader, whose lexicons are read once."""
    return English(british=british)


def _lexicon(name: str) -> dict[str, Any]:
    data = importlib.resources.files("misaki.data").joinpath(name).read_bytes()
    return msgspec.json.decode(data, type=dict[str, Any])


def _part_of_speech(before: str) -> str:
    if before in _DETERMINERS:
        return "NOUN"
    if before in _BEFORE_VERBS:
        return "VERB"
    return "VBN" if before in _BEFORE_PARTICIPLES else ""


def _without_accents(word: str) -> str:
    word = word.replace("ß", "ss").replace("æ", "ae").replace("ø", "o").replace("ł", "l")
    parts = unicodedata.normalize("NFKD", word)
    return "".join(part for part in parts if part.isascii())


def _is_abbreviation(word: str) -> bool:
    letters = word.replace("'", "")
    if word.isupper() and len(letters) <= 5:
        return True
    return len(letters) > 1 and not re.search("[aeiouyAEIOUY]", letters)


def _s_stems(word: str) -> list[str]:
    stems = [] if word.endswith("ss") or len(word) < 3 else [word[:-1]]
    if word.endswith("'s") or (len(word) > 4 and word.endswith("es")):
        stems.append(word[:-2])
    if len(word) > 4 and word.endswith("ies"):
        stems.append(f"{word[:-3]}y")
    return stems


def _ed_stems(word: str) -> list[str]:
    if len(word) < 4 or not word.endswith("ed"):
        return []
    stems = [word[:-1], word[:-2]]
    if word.endswith("ied"):
        stems.append(f"{word[:-3]}y")
    if len(word) > 5 and word[-3] == word[-4]:
        stems.append(word[:-3])
    return stems


def _ing_stems(word: str) -> list[str]:
    stem = word[:-3]
    return _e_stems(stem) if len(stem) > 1 else []


def _e_stems(stem: str) -> list[str]:
    stems = [stem, f"{stem}e"]
    if len(stem) > 2 and stem[-1] == stem[-2]:
        stems.append(stem[:-1])
    return stems
