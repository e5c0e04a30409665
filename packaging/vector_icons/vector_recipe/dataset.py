"""The training data: built from the sets, stored as lines of JSON, read back."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from studio.formats.icons import drawing, names, tokens
from studio.formats.icons.geometry import Icon
from vector_recipe import duplicates, split, svg
from vector_recipe.sources import IconSet

# How much of the original is covered is measured on one in so many.
MEASURED_ONE_IN = 50
# A word that fewer icons have is not learned.
FEWEST_OF_WORD = 3
# A set that fewer drawings have is no style.
FEWEST_OF_SET = 30


@dataclass
class Entry:
    """One drawing: where it comes from, all its names, all its looks, and its tokens."""

    prefix: str
    name: str
    captions: list[tuple[str, ...]]
    looks: list[tuple[float, bool]]
    drawing: str
    part: str = split.TRAIN
    sets: list[str] = field(default_factory=list)

    @property
    def words(self) -> tuple[str, ...]:
        """The first name, or that for which a combination is held out."""
        if self.part == split.COMBINATION:
            return next(filter(split.is_held_out_combination, self.captions), self.captions[0])
        return self.captions[0]

    @property
    def icon(self) -> Icon:
        return tokens.decode(self.drawing.split())


def _aliases(data: dict[str, Any]) -> dict[str, list[str]]:
    """The other names of each icon, without those that turn or mirror it."""
    found: dict[str, list[str]] = {}
    for alias, about in data.get("aliases", {}).items():
        if set(about) <= {"parent", "hidden"}:
            found.setdefault(about["parent"], []).append(alias)
    return found


def read_set(source: IconSet) -> tuple[list[Entry], Counter[str], list[float]]:
    """The plain stroke icons of a set, and how many were refused for which reason.

    Of some icons also how much of the original their drawing covers.
    """
    refused: Counter[str] = Counter()
    covered: list[float] = []
    entries: list[Entry] = []
    data = source.data
    aliases = _aliases(data)
    for name, about in data["icons"].items():
        words = names.words_of(name)
        if about.get("hidden"):
            refused["hidden"] += 1
            continue
        if not words or names.is_brand(words):
            refused["no words, or a brand"] += 1
            continue
        if "stroke=" not in about["body"]:
            refused["no strokes"] += 1
            continue
        width = about.get("width", data.get("width", 16))
        height = about.get("height", data.get("height", 16))
        left, top = about.get("left", 0), about.get("top", 0)
        made = svg.read(about["body"], left, top, width, height)
        if isinstance(made, svg.Refused):
            refused[made.reason] += 1
            continue
        icon, look = made
        drawn = tokens.encode(icon)
        if len(drawn) > tokens.LONGEST:
            refused["too long"] += 1
            continue
        if len(entries) % MEASURED_ONE_IN == 0:
            before = svg.original(about["body"], left, top, width, height)
            covered.append(duplicates.overlap(before, drawing.document(icon, look)))
        others = [names.words_of(alias) for alias in aliases.get(name, [])]
        captions = [words, *(other for other in others if other and not names.is_brand(other))]
        prefix = source.prefix
        entries.append(
            Entry(
                prefix,
                name,
                list(dict.fromkeys(captions)),
                [(round(look.width, 2), look.rounded)],
                " ".join(drawn),
                sets=[prefix],
            )
        )
    return entries, refused, covered


def _merge(into: Entry, other: Entry) -> None:
    into.captions = list(dict.fromkeys([*into.captions, *other.captions]))
    into.looks = list(dict.fromkeys([*into.looks, *other.looks]))
    into.sets = list(dict.fromkeys([*into.sets, *other.sets]))


def without_exact(entries: Iterable[Entry]) -> list[Entry]:
    """One entry for each drawing, with the names and looks of all that have it."""
    first: dict[str, Entry] = {}
    for entry in entries:
        if entry.drawing in first:
            _merge(first[entry.drawing], entry)
        else:
            first[entry.drawing] = entry
    return list(first.values())


def without_near(entries: list[Entry]) -> tuple[list[Entry], int, int]:
    """Without near duplicates; how many those were, and how many resembled a held-out icon.

    A drawing is one with an earlier one if they have a name and the corners in common and look
    alike as they are, scaled or mirrored. What only looks alike is not: a small sign makes
    "calendar plus" of "calendar x".
    """
    drawn, filling = duplicates.pictures([entry.icon for entry in entries])
    for entry in entries:
        entry.part = split.part_of(entry.prefix, entry.name, entry.captions)
    gone: set[int] = set()
    leaking: set[int] = set()
    searches = (
        (drawn, drawn),
        (filling, filling),
        (filling, duplicates.flipped(filling)),
    )
    rank = {split.SET: 0, split.TRAIN: 1, split.DRAWING: 2, split.COMBINATION: 3, split.CONCEPT: 4}
    merged = 0
    for left, right in searches:
        for i, j in duplicates.alike(left, right):
            if i in gone or j in gone:
                continue
            a, b = entries[i], entries[j]
            shares = not set(map(frozenset, a.captions)).isdisjoint(map(frozenset, b.captions))
            equal = left is drawn and float(left[i] @ right[j]) >= duplicates.EQUAL
            if not shares and (a.part == b.part or not equal):
                continue
            if a.part != b.part:
                # Of two parts the one with the lower rank loses its icon.
                loser = i if rank[a.part] < rank[b.part] else j
                leaking.add(loser)
            elif {rounded for _, rounded in a.looks} & {rounded for _, rounded in b.looks}:
                _merge(a, b)
                gone.add(j)
                merged += 1
    kept = [e for number, e in enumerate(entries) if number not in gone | leaking]
    # Merged names may belong to another part.
    whole = []
    for entry in kept:
        part = split.part_of(entry.prefix, entry.name, entry.captions)
        if part == entry.part or split.TRAIN not in (part, entry.part):
            whole.append(entry)
    return whole, merged, len(leaking)


def vocabulary(entries: list[Entry]) -> tokens.Vocabulary:
    """The sets, and the words that enough training icons have, the commonest first."""
    counts: Counter[str] = Counter()
    sets: Counter[str] = Counter()
    for entry in entries:
        if entry.part == split.TRAIN:
            counts.update({word for words in entry.captions for word in words})
            sets.update(entry.sets)
    sets_used = tuple(sorted(p for p in set(sets) - split.JUDGE_SETS if sets[p] >= FEWEST_OF_SET))
    ranked = sorted(counts, key=lambda word: (-counts[word], word))
    return tokens.Vocabulary(
        sets_used, tuple(word for word in ranked if counts[word] >= FEWEST_OF_WORD)
    )


def write(path: Path, entries: list[Entry]) -> None:
    partial = path.with_suffix(".partial")
    with partial.open("w", encoding="utf-8") as handle:
        for entry in entries:
            handle.write(json.dumps(asdict(entry), ensure_ascii=False) + "\n")
    partial.replace(path)


def load(path: Path) -> list[Entry]:
    with path.open(encoding="utf-8") as handle:
        rows = [json.loads(row) for row in handle]
    for row in rows:
        row["captions"] = [tuple(words) for words in row["captions"]]
        row["looks"] = [(width, rounded) for width, rounded in row["looks"]]
    return [Entry(**row) for row in rows]


def look_of(width: float, rounded: bool) -> tuple[str, str]:
    """The style tokens of a look."""
    weight = 0 if width < 1.3 else 1 if width < 1.8 else 2
    return tokens.CORNERS[not rounded], tokens.WEIGHTS[weight]
