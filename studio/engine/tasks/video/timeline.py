"""When the frames of the result are shown."""

from __future__ import annotations

from fractions import Fraction
from math import ceil

from msgspec import Struct

_EXACT = Fraction(1, 64)
"""Share of the interval between two frames, within which one of them is shown as it is."""
_NTSC = (24, 30, 48, 60, 120, 240)


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

    def between(self, start: int, end: int, *, is_last: bool = False) -> list[Moment]:
        """Return the moments from a frame of the source to the next, or to the end.

        They must be asked for in order. Of the last frame there is no next one.
        """
        if self._first is None:
            self._first = start
        if self._rate is not None:
            return self._at_rate(self._first, start, end, self._rate, is_last=is_last)
        unit = self._source.numerator
        if is_last:
            return [Moment(start * unit * self._factor, (end - start) * unit * self._factor, _ZERO)]
        step = (end - start) * unit
        return [
            Moment(
                start * unit * self._factor + number * step, step, Fraction(number, self._factor)
            )
            for number in range(self._factor)
        ]

    def _at_rate(
        self, first: int, start: int, end: int, rate: Fraction, *, is_last: bool
    ) -> list[Moment]:
        seconds_in, seconds_out = ((at - first) * self._source for at in (start, end))
        offset = round(first * self._source / self.time_base)
        found: list[Moment] = []
        number = ceil(seconds_in * rate)
        while number < seconds_out * rate:
            time = (number / rate - seconds_in) / (seconds_out - seconds_in)
            if is_last or time < _EXACT:
                time = _ZERO
            elif time > 1 - _EXACT:
                time = Fraction(1)
            at = offset + number * rate.denominator
            found.append(Moment(at, rate.denominator, time))
            number += 1
        return found


_ZERO = Fraction(0)


def exact_rate(rate: float) -> Fraction:
    """Return the frame rate that a person means: 29.97 is 30000/1001."""
    for whole in _NTSC:
        television = Fraction(whole * 1000, 1001)
        if abs(rate - float(television)) < 0.005:
            return television
    return Fraction(rate).limit_denominator(1000)
