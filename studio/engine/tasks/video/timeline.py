"""When the frames of the result are shown."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from math import ceil

from msgspec import Struct

_EXACT = Fraction(1, 64)
"""Share of the interval between two frames, within which one of them is shown as it is."""
_LONGEST_GAP = 3600.0
"""Seconds."""


class Moment(Struct, frozen=True):
    """A frame of the result. `pts` and `duration` are in the time base of the timeline.

    `time` is where it lies between two frames of the source: 0 at the first, 1 at the second.
    """

    pts: int
    duration: int
    time: Fraction


class Timeline:
    """The moments of the result between successive frames of the source.

    Args:
        time_base: of the source.
        factor: frames of the result for each of the source.
        rate: frames a second of the result, instead; None to keep the times of the source.
    """

    def __init__(self, time_base: Fraction, factor: int, rate: Fraction | None) -> None:
        self._source = time_base
        self._factor = factor
        self._rate = rate
        self._first: int | None = None
        denominator = time_base.denominator * factor if rate is None else rate.numerator
        self.time_base = Fraction(1, denominator)

    def seconds(self, ticks: int) -> float:
        """Return a time in the time base of the source as seconds."""
        return float(ticks * self._source)

    def is_gap(self, start: int, end: int) -> bool:
        """Return whether two frames are so far apart that a frame rate would make too many."""
        return self._rate is not None and self.seconds(end - start) > _LONGEST_GAP

    def between(self, start: int, end: int, *, is_last: bool = False) -> Iterator[Moment]:
        """Return the moments from a frame of the source to the next, or to the end.

        They must be asked for in order. Of the last frame there is no next one. Where the times of
        a file are damaged, there may be millions.
        """
        if self._first is None:
            self._first = start
        if self._rate is not None:
            return self._at_rate(self._first, start, end, self._rate, is_last=is_last)
        unit = self._source.numerator
        if is_last:
            duration = (end - start) * unit * self._factor
            return iter([Moment(start * unit * self._factor, duration, _ZERO)])
        step = (end - start) * unit
        return (
            Moment(
                start * unit * self._factor + number * step, step, Fraction(number, self._factor)
            )
            for number in range(self._factor)
        )

    def _at_rate(
        self, first: int, start: int, end: int, rate: Fraction, *, is_last: bool
    ) -> Iterator[Moment]:
        seconds_in, seconds_out = ((at - first) * self._source for at in (start, end))
        offset = round(first * self._source / self.time_base)
        number = ceil(seconds_in * rate)
        while number < seconds_out * rate:
            time = (number / rate - seconds_in) / (seconds_out - seconds_in)
            if is_last or time < _EXACT:
                time = _ZERO
            elif time > 1 - _EXACT:
                time = Fraction(1)
            at = offset + number * rate.denominator
            yield Moment(at, rate.denominator, time)
            number += 1


_ZERO = Fraction(0)
