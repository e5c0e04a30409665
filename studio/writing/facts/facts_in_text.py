"""Read the figures, dates, names and codes of a text."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from studio.writing.facts import names
from studio.writing.facts.dates import Moment, moments
from studio.writing.facts.figure import Figure
from studio.writing.facts.figures import RANGE, figures
from studio.writing.facts.implied_dates import implied_dates
from studio.writing.facts.names import Name
from studio.writing.facts.numerals import plain_digits


class Facts(Struct, frozen=True):
    text: str
    figures: tuple[Figure, ...]
    moments: tuple[Moment, ...]
    extra_moments: tuple[Moment, ...]
    """What follows from the dates and figures: the days of "Tue-Fri", the end of a term."""
    names: tuple[Name, ...]
    codes: tuple[Name, ...]


def facts_in(text: str) -> Facts:
    plain = plain_digits(text)
    addresses = tuple(names.addresses(plain))
    taken = [(address.start, address.end) for address in addresses]
    taken += names.enumerations(plain)
    codes = tuple(
        code
        for code in names.codes(plain)
        if not any(start < code.end and code.start < end for start, end in taken)
    )
    taken += [(code.start, code.end) for code in codes]
    masked = _masked(plain, taken)
    dates = moments(masked)
    taken += [(moment.start, moment.end) for moment in dates]
    found = figures(masked, taken)
    found = tuple(figure for figure in found if not _is_first_day(masked, figure, dates))
    known = (*names.latin_names(plain), *names.chinese_names(plain))
    return Facts(
        text,
        found,
        dates,
        (*implied_dates(dates, found, masked), *_years(found)),
        known,
        (*addresses, *codes),
    )


def _is_first_day(text: str, figure: Figure, dates: tuple[Moment, ...]) -> bool:
    """Return whether a number is the first of two dates: the 1 of "1 to 7 October"."""
    if not figure.is_bare or figure.counted:
        return False
    until = RANGE.match(text, figure.end)
    return until is not None and any(moment.start == until.end() for moment in dates)


def _years(found: tuple[Figure, ...]) -> Iterator[Moment]:
    """Yield bare numbers that may be years: the 2014 of "2011-2014"."""
    for figure in found:
        if figure.is_bare and 1500 <= figure.value <= 2199 and not figure.value % 1:
            yield Moment(figure.start, figure.end, year=int(figure.value))


def _masked(text: str, spans: list[tuple[int, int]]) -> str:
    """Replace spans by letters that mean nothing, so that positions stay."""
    characters = list(text)
    for start, end in spans:
        characters[start:end] = "\u00a4" * (end - start)
    return "".join(characters)
