"""Frame rates as fractions."""

from __future__ import annotations

from fractions import Fraction

_NTSC = (24, 30, 48, 60, 120, 240)


def exact_rate(rate: float) -> Fraction:
    """Return the frame rate that a person means: 29.97 is 30000/1001."""
    for whole in _NTSC:
        television = Fraction(whole * 1000, 1001)
        if abs(rate - float(television)) < 0.005:
            return television
    return Fraction(rate).limit_denominator(1000)
