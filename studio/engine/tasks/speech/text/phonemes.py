"""A sentence as words with their phonemes: English, Mandarin, or both mixed."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping

from msgspec import Struct

from studio.engine.tasks.speech.text import english_numbers, mandarin
from studio.engine.tasks.speech.text.alignment import align
from studio.engine.tasks.speech.text.english import English, english

_MARKS = {
    "，": ",",
    "、": ",",
    "。": ".",
    "．": ".",
    "！": "!",
    "？": "?",
    "：": ":",
    "；": ";",
    "（": "(",
    "）": ")",
    "「": "“",
    "」": "”",
    "『": "“",
    "』": "”",
    "《": "“",
    "》": "”",
    "【": "(",
    "】": ")",
    "[": "(",
    "]": ")",
    "–": "—",
    "~": ",",
    "·": " ",
    "•": ",",
}
_PARTS = re.compile(
    "(?P<given>[\ue000-\uf8ff])|(?P<han>[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff〇]+)"
    r"|(?P<word>[^\W\d_\u2e80-\uffff]+(?:['’][^\W\d_\u2e80-\uffff]+)*['’]?)"
    r"|(?P<mark>[;:,.!?—…\"()“”，、。．！？：；（）「」『』《》【】\[\]–~·•])"
)
_GIVEN = 0xE000
"""The first of the characters that stand for pronunciations of the user."""
_FIRST_SOUND = re.compile("[^ˈˌ]")


class Spoken(Struct, frozen=True):
    """A word as it is written, with the marks after it, and its phonemes.

    `joined` says that no space is between it and the word before it. A mark has no text.
    """

    text: str
    phonemes: str
    joined: bool = False

    @property
    def is_mark(self) -> bool:
        """Whether it is a mark, which makes a pause."""
        return not self.text


class Reader(Struct, frozen=True):
    """Turns sentences into words with phonemes. `pronunciations` maps words to how they are read:
    another spelling, pinyin with numbers, or phonemes between slashes."""

    british: bool = False
    pronunciations: Mapping[str, str] = {}

    def read(self, sentence: str) -> list[Spoken]:
        """Return the words and marks of a sentence, nothing if there is nothing to say."""
        written = unicodedata.normalize("NFC", sentence)
        marked, given = self._with_pronunciations(written)
        is_chinese = mandarin.has_han(marked)
        said = mandarin.spoken(marked) if is_chinese else english_numbers.spoken(marked)
        if is_chinese:
            said = self._english_inside(said)
        places = align(written, said)
        found = list(_PARTS.finditer(said))
        parts: list[_Part] = []
        for number, part in enumerate(found):
            following = found[number + 1] if number + 1 < len(found) else None
            before = found[number - 1][0].lower() if number else ""
            for sounds, start, end in self._part(part, given, before, following):
                span = places.span(start, end)
                parts.append(_Part(sounds, span[0], span[1], part["mark"] is not None))
        return _written(written, parts)

    def _part(
        self,
        part: re.Match[str],
        given: Mapping[str, str],
        before: str,
        following: re.Match[str] | None,
    ) -> Iterator[tuple[str, int, int]]:
        """Yield the phonemes of a part of a spoken sentence, and where they are in it."""
        start, end = part.span()
        if part["mark"]:
            mark = _MARKS.get(part[0], part[0]).strip()
            if mark:
                yield mark, start, end
        elif part["given"]:
            if given.get(part[0]):
                yield given[part[0]], start, end
        elif part["word"]:
            word = part[0].replace("’", "'")
            sounds = self._english().phonemes(word, before, self._first_sound(following))
            if sounds:
                yield sounds, start, end
        else:
            for each in mandarin.words(part[0]):
                at = part[0].find(each.text, start - part.start()) + part.start()
                if at >= start:
                    yield each.phonemes, at, at + len(each.text)
                    start = at + len(each.text)

    def _english(self) -> English:
        return english(british=self.british)

    def _first_sound(self, following: re.Match[str] | None) -> str:
        """Return how the next word begins, "" before a mark and at the end."""
        if following is None or following["mark"]:
            return ""
        if not following["word"]:
            return "p"
        found = self._english().phonemes(following[0].replace("’", "'"), "", "p")
        first = _FIRST_SOUND.search(found)
        return first[0] if first else ""

    def _with_pronunciations(self, text: str) -> tuple[str, dict[str, str]]:
        """Return the text with other spellings in it, and private characters for phonemes."""
        given: dict[str, str] = {}
        # Longer names first: they may contain others.
        for word, reading in sorted(self.pronunciations.items(), key=lambda pair: -len(pair[0])):
            pattern = re.escape(word)
            if word[0].isascii() and word[0].isalnum():
                pattern = rf"(?<![A-Za-z0-9]){pattern}"
            if word[-1].isascii() and word[-1].isalnum():
                pattern = rf"{pattern}(?![A-Za-z0-9])"
            sounds = _given_sounds(reading)
            replacement = reading
            if sounds:
                replacement = chr(_GIVEN + len(given))
                given[replacement] = sounds
            text = re.sub(pattern, lambda _, new=replacement: new, text)  # type: ignore[misc]
        return text, given

    def _english_inside(self, said: str) -> str:
        """Return Chinese with the signs between Latin letters as words."""
        return re.sub(r"(?<=[A-Za-z])[._/](?=[A-Za-z])", " ", said)


def _given_sounds(reading: str) -> str:
    """Return the phonemes of a reading that gives them, "" if it is another spelling."""
    if len(reading) > 2 and reading[0] == reading[-1] == "/":
        return reading[1:-1]
    return mandarin.pinyin_sound(reading) if re.search(r"[a-z][1-5](\s|$)", reading) else ""


class _Part(Struct, frozen=True):
    """Phonemes, and the part of the written sentence that they stand for."""

    phonemes: str
    start: int
    end: int
    is_mark: bool


def _written(sentence: str, parts: list[_Part]) -> list[Spoken]:
    """Return the words with their written forms. What has the same written form is one word.

    A word is written with everything up to the next one.
    """
    merged: list[_Part] = []
    last: int | None = None  # the place of the last word
    for part in parts:
        if part.is_mark or last is None or part.start >= merged[last].end:
            last = last if part.is_mark else len(merged)
            merged.append(part)
            continue
        before, *marks = merged[last:]
        said = f"{before.phonemes}{''.join(mark.phonemes for mark in marks)} {part.phonemes}"
        end = max(part.end, before.end)
        merged[last:] = [_Part(said, before.start, end, is_mark=False)]
    starts = [part.start for part in merged if not part.is_mark]
    spoken: list[Spoken] = []
    begin = 0
    joined = True
    for part in merged:
        if part.is_mark:
            spoken.append(Spoken("", part.phonemes, joined=True))
            continue
        starts.pop(0)
        until = max(starts[0], part.end) if starts else len(sentence)
        text = sentence[begin:until]
        spoken.append(Spoken(text.strip() or part.phonemes, part.phonemes, joined))
        joined = bool(text) and not text[-1].isspace()
        begin = until
    return spoken
