"""Figures that follow from those of a brief."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from studio.writing.facts.figure import Figure
from studio.writing.facts.units import is_money

_MOST_DERIVED = 10
"""So many figures of a brief are combined."""
CONVERTED = Decimal("0.0005")
"""Figures in converted units may differ by so much."""


def is_derived(figure: Figure, given: tuple[Figure, ...]) -> bool:
    """Return whether a figure follows from two of the brief: their sum, difference, product or
    quotient, or the change in percent from one to the other."""
    some = given[:_MOST_DERIVED]
    for at, first in enumerate(some):
        if (
            is_money(figure.dimension)
            and first.value
            and figure.value
            and (first.dimension == figure.dimension or first.is_bare)
        ):
            times = max(figure.value, first.value) / min(figure.value, first.value)
            if times in _TIMES:
                return True
        for second in some[at + 1 :]:
            if any(_is_close(figure, value) for value in _from_two(figure, first, second)):
                return True
    return False


def _from_two(figure: Figure, first: Figure, second: Figure) -> Iterator[Decimal]:
    own = {first.dimension, second.dimension}
    is_large = figure.dimension != "count" or figure.value > _SMALL or figure.value % 1
    summed = {figure.dimension, "count"} if is_money(figure.dimension) else {figure.dimension}
    if figure.dimension in own and own <= summed and is_large:
        yield first.value + second.value
        yield abs(first.value - second.value)
    if own == {"count", figure.dimension} and is_large:
        yield first.value * second.value
        for one, other in ((first, second), (second, first)):
            if other.value:
                yield one.value / other.value
    for one, other in ((first, second), (second, first)):
        of_it = one.dimension in (figure.dimension, "count") and other.dimension == "percent"
        if of_it and figure.dimension not in ("percent", "count"):
            yield one.value * other.value / 100
            yield one.value * (100 - other.value) / 100
    if figure.dimension in ("percent", "percentage_point", "count"):
        for one, other in ((first, second), (second, first)):
            if own == {"percent"}:
                yield abs(one.value - other.value)
            elif len(own) == 1 and other.value and figure.dimension == "percent":
                yield abs(one.value / other.value - 1) * 100


_TIMES = (2, 3, 4, 6, 12)
"""A price a month, a quarter or for a few is often told for the whole."""
_SMALL = 12
"""Smaller counts follow from any two others."""


def _is_close(figure: Figure, value: Decimal) -> bool:
    return abs(figure.value - value) <= (
        figure.step / 2 if figure.dimension == "percent" else figure.value * CONVERTED
    )
