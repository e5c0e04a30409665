"""Figures of a brief that a text says of something else."""

from __future__ import annotations

from studio.writing.facts.facts_in_text import Facts
from studio.writing.facts.figure import Figure
from studio.writing.facts.figure_comparison import SAYS_A_CHANGE, same_thing, same_value

_FAR = 50
"""Nobody takes a figure for another that is so many times as large."""


def of_something_else(
    figure: Figure, equal: list[Figure], alike: list[Figure], written: Facts
) -> Figure | None:
    """Return the figure of the brief for what the draft speaks of, if the equal one is of another
    thing: revenue's 12 % said of the profit."""
    is_small_word = figure.in_words and figure.number <= 12 and _is_english(figure, written)
    if figure.dimension == "score" or is_small_word:
        return None
    meant = _meant_instead(figure, equal, alike)
    if not meant or any(_is_beside(other, figure, written) for other in meant):
        return None
    meant = [other for other in meant if not _is_said_of_it(other, equal, written)]
    return meant[0] if meant else None


def _is_said_of_it(other: Figure, equal: list[Figure], written: Facts) -> bool:
    """Return whether the draft says a figure of the brief, and not of what the equal ones are."""
    said = [one for one in written.figures if same_thing(one, other) and same_value(one, other)]
    label = other.label - SAYS_A_CHANGE
    if label and any(one.label for one in said) and not any(one.label & label for one in said):
        return False
    if any(not other.stems or not one.stems or one.stems & other.stems for one in said):
        return True
    words = frozenset[str]().union(*(one.stems for one in equal))
    return bool(said) and not any(one.stems & words for one in said)


def _is_english(figure: Figure, facts: Facts) -> bool:
    return facts.text[figure.start : figure.start + 1].isascii()


def _is_beside(other: Figure, figure: Figure, written: Facts) -> bool:
    """Return whether the draft has the other figure in the same clause, so that both are said."""
    return any(
        one.clause == figure.clause and same_thing(one, other) and same_value(one, other)
        for one in written.figures
    )


def _meant_instead(figure: Figure, equal: list[Figure], alike: list[Figure]) -> list[Figure]:
    others = [one for one in alike if one.dimension == equal[0].dimension]
    others = [one for one in others if all(one.value != same.value for same in equal)]
    others = [one for one in others if not (one.in_words and one.value == 1)]
    if any(figure.counted & one.counted for one in equal):
        others = [one for one in others if figure.counted & one.counted]
    if not any(figure.label & one.label for one in equal) and all(one.label for one in equal):
        labelled = [one for one in others if figure.label & (one.label - SAYS_A_CHANGE)]
        labelled = [one for one in labelled if not any(_is_before(one, same) for same in equal)]
        if labelled:
            return labelled
    clauses = {one.clause for one in equal}
    apart = [one for one in others if one.clause not in clauses]
    shared = frozenset[str]().union(*(one.stems for one in apart))
    own = [one.stems - shared for one in equal]
    if not all(own) or any(figure.stems & words for words in own):
        return []
    of_equal = frozenset[str]().union(*(one.stems for one in equal))
    apart = [one for one in apart if one.as_millions is None or one.number % 1 == 0]
    apart = [one for one in apart if figure.value / _FAR < one.value < figure.value * _FAR]
    return [one for one in apart if (one.stems - of_equal - _WHEN) & figure.stems]


_WHEN = frozenset(("同期", "上季", "前期", "往常"))
"""Words that say when, and not of what."""


def _is_before(other: Figure, figure: Figure) -> bool:
    """Return whether one is the value before a change to the other: 10 of 由10增至16."""
    return other.clause == figure.clause and 0 < figure.start - other.end <= _TO


_TO = 3
"""So long are 增至 and "to"."""
