"""A text as passages for one call of the network each, with their speakers and pauses."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from msgspec import Struct

from studio.engine.tasks.speech.text.cleaning import plain_text
from studio.engine.tasks.speech.text.passages import paragraphs
from studio.engine.tasks.speech.text.phonemes import Reader, Spoken
from studio.formats.sounds.sentences import sentences

_WANTED = 160
"""Phonemes of a passage: shorter ones lack rhythm, longer ones blur."""
_MOST = 380
_SENTENCE_PAUSE = 0.3
_SPEAKER_PAUSE = 0.45


class SpokenSentence(Struct, frozen=True):
    """A sentence, or a part of a long one."""

    words: tuple[Spoken, ...]

    @property
    def phonemes(self) -> int:
        """About how many phonemes it has."""
        return sum(len(word.phonemes) + 1 for word in self.words)


class Passage(Struct, frozen=True):
    """Sentences that are spoken in one call; `speaker` is a name of the cast, or "".

    `pause` is the silence before it, in seconds.
    """

    sentences: tuple[SpokenSentence, ...]
    speaker: str
    pause: float

    @property
    def phonemes(self) -> int:
        """About how many phonemes it has."""
        return sum(sentence.phonemes for sentence in self.sentences)


def passages_of(
    text: str,
    cast: Mapping[str, str],
    pause: float,
    reader_of: Callable[[str], Reader],
    check: Callable[[], None],
) -> Iterator[Passage]:
    """Yield the passages of a text. `reader_of` returns who reads for a speaker.

    `pause` is that between paragraphs. `check` is called at each sentence, and may raise.
    """
    before: str | None = None
    for paragraph in paragraphs(plain_text(text), cast):
        reader = reader_of(paragraph.speaker)
        silence = 0.0
        if before is not None:
            silence = pause if paragraph.speaker == before else max(pause, _SPEAKER_PAUSE)
        group: list[SpokenSentence] = []
        for sentence in _sentences(paragraph.text, reader, check):
            size = sum(each.phonemes for each in group)
            if group and size + sentence.phonemes > _WANTED:
                yield Passage(tuple(group), paragraph.speaker, silence)
                before, silence, group = paragraph.speaker, _SENTENCE_PAUSE, []
            group.append(sentence)
        if group:
            yield Passage(tuple(group), paragraph.speaker, silence)
            before = paragraph.speaker


def _sentences(text: str, reader: Reader, check: Callable[[], None]) -> Iterator[SpokenSentence]:
    for sentence in sentences(text):
        check()
        words = reader.read(sentence)
        part: list[Spoken] = []
        size = 0
        for word in words:
            if part and size + len(word.phonemes) > _MOST:
                yield SpokenSentence(tuple(part))
                part, size = [], 0
            part.append(word)
            size += len(word.phonemes) + 1
        if any(not word.is_mark for word in part):
            yield SpokenSentence(tuple(part))
