"""Durations as people guess them."""

from __future__ import annotations

from datetime import datetime, timedelta
from math import ceil

from PySide6.QtCore import QLocale

from studio.ui.style.translations import tr


def rough_time(seconds: float) -> str:
    """Return a guessed duration, e.g. "2 s", "20 s", "12 min", "2 h 5 min"."""
    whole = max(1, round(seconds))
    if whole > 10:
        whole = ceil(seconds / 5) * 5
    if whole < 60:
        return tr("{s} s").format(s=whole)
    minutes = round(seconds / 60) or 1
    if minutes < 60:
        return tr("{m} min").format(m=minutes)
    if minutes > 600:
        return tr("{h} h").format(h=round(minutes / 60))
    hours, minutes = divmod(minutes, 60)
    return tr("{h} h {m} min").format(h=hours, m=minutes)


def clock_time(seconds: float, now: datetime) -> str:
    """Return when `seconds` from `now` are over: "03:40", with the day where that is far off."""
    end = now + timedelta(seconds=seconds)
    if end - now < timedelta(hours=20):
        return f"{end:%H:%M}"
    day = QLocale().dayName(end.isoweekday(), QLocale.FormatType.ShortFormat)
    return f"{day} {end:%H:%M}"
