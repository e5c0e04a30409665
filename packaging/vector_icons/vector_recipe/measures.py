"""How varied and how new drawings are, by the distances between small pictures of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from studio.formats.icons.geometry import Icon
from vector_recipe.dataset import Entry
from vector_recipe.duplicates import Pictures, pictures


def by_word(entries: list[Entry], words: Sequence[str], most: int = 12) -> dict[str, list[Icon]]:
    """Real icons that are called by one word alone, at most one of each set."""
    found: dict[str, dict[str, Icon]] = defaultdict(dict)
    wanted = set(words)
    for entry in entries:
        for words_ in entry.captions:
            if len(words_) == 1 and words_[0] in wanted and len(found[words_[0]]) < most:
                found[words_[0]].setdefault(entry.prefix, entry.icon)
    return {word: list(icons.values()) for word, icons in found.items()}


def _distances(icons: list[Icon]) -> list[float]:
    """The distances between each two icons: 0 for equal ones, 1 for unrelated ones."""
    vectors = pictures(icons, 1)[0]
    upper = np.triu_indices(len(icons), 1)
    return [float(value) for value in (1 - vectors @ vectors.T)[upper]]


def variety(drawn: Mapping[str, list[Icon]], real: Mapping[str, list[Icon]]) -> float:
    """How far the drawings of a word are apart, as a share of what real icons of it are."""
    both = [word for word in drawn if len(real.get(word, ())) > 1 and len(drawn[word]) > 1]
    ours = [np.mean(_distances(drawn[word])) for word in both]
    theirs = [np.mean(_distances(real[word])) for word in both]
    return float(np.mean(ours) / max(float(np.mean(theirs)), 1e-6)) if both else 0.0


def not_new(drawn: list[Icon], train: Pictures, real: Mapping[str, list[Icon]]) -> float:
    """The share of drawings nearer to one that was trained on than icons of one word ever are.

    Ever is the 5th percentile of the distances between real icons of a word of different sets.
    """
    between = [distance for icons in real.values() for distance in _distances(icons)]
    limit = float(np.percentile(between, 5)) if between else 0.0
    nearest = 1 - (pictures(drawn, 1)[0] @ train.T).max(axis=1)
    return float((nearest < limit).mean())
