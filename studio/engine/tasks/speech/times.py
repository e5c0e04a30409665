"""When each word is said, from the lengths of its phonemes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec import Struct

from studio.engine.tasks.speech.script import Passage
from studio.engine.tasks.speech.text.phonemes import Spoken
from studio.engine.tasks.speech.voice.load import RATE, Utterance
from studio.formats.sounds.lyrics import TimedLine, TimedWord

_NO_SPACE_BEFORE = frozenset(";:,.!?…)”")
_NO_SPACE_AFTER = frozenset("(“")


class PassageTokens(Struct, frozen=True):
    """The tokens of a passage, and for each word of each sentence its part of them."""

    tokens: list[int]
    places: tuple[tuple[tuple[Spoken, int, int], ...], ...]


def passage_tokens(passage: Passage, tokens_of: Callable[[str], list[int]]) -> PassageTokens:
    """Return the tokens of a passage: words with spaces between them, and marks."""
    space = tokens_of(" ")
    tokens: list[int] = []
    places: list[tuple[tuple[Spoken, int, int], ...]] = []
    opened = True
    for sentence in passage.sentences:
        inside: list[tuple[Spoken, int, int]] = []
        for word in sentence.words:
            is_close = word.is_mark and word.phonemes in _NO_SPACE_BEFORE
            if tokens and not opened and not is_close:
                tokens += space
            start = len(tokens)
            tokens += tokens_of(word.phonemes)
            opened = word.is_mark and word.phonemes in _NO_SPACE_AFTER
            if not word.is_mark and len(tokens) > start:
                inside.append((word, start, len(tokens)))
        if inside:
            places.append(tuple(inside))
    return PassageTokens(tokens, tuple(places))


def sounding_part(spoken: Utterance, tokens: PassageTokens) -> tuple[int, int] | None:
    """Return the samples from the first to the last word, None if the lengths are unknown."""
    if spoken.lengths is None or not tokens.places:
        return None
    ends = spoken.lengths.cumsum()
    last = tokens.places[-1][-1][2]
    return int(ends[tokens.places[0][0][1]]), int(min(ends[last], len(spoken.samples)))


def timed_lines(
    spoken: Utterance, tokens: PassageTokens, shift: float, part: tuple[int, int]
) -> Sequence[TimedLine]:
    """Return the sentences of a passage with the times of their words.

    `shift` is added to all times. Where lengths are unknown, words share the `part` of the
    samples by their phonemes.
    """
    if spoken.lengths is None:
        rate = (part[1] - part[0]) / max(1, len(tokens.tokens))
        ends = [part[0] + rate * at for at in range(len(tokens.tokens) + 1)]
    else:
        # The first length is that of the silence before the first token.
        ends = [float(end) for end in spoken.lengths.cumsum()]
    return [
        TimedLine(
            tuple(
                TimedWord(
                    word.text,
                    round(shift + ends[start] / RATE, 3),
                    round(shift + ends[end] / RATE, 3),
                    word.joined,
                )
                for word, start, end in sentence
            )
        )
        for sentence in tokens.places
    ]
