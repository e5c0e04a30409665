"""Durations and times of day as text."""

from __future__ import annotations

from datetime import datetime, timedelta
from math import ceil

from PySide6.QtCore import QDate, QLocale

from studio.ui.style.translations import tr


def duration_text(seconds: float) -> str:
    """Format a duration, e.g. "0.8 s", "12 s", "3 min 20 s", "2 h 5 min"."""
    if seconds < 9.95:
        return tr("{s} s").format(s=f"{seconds:.1f}")
    rounded = round(seconds)
    if rounded < 60:
        return tr("{s} s").format(s=rounded)
    minutes, rest = divmod(rounded, 60)
    if minutes < 60:
        return tr("{m} min {s} s").format(m=minutes, s=rest)
    hours, minutes = divmod(minutes, 60)
    return tr("{h} h {m} min").format(h=hours, m=minutes)


def rough_duration_text(seconds: float) -> str:
    """Format an estimated duration, rounded, e.g. "2 s", "20 s", "12 min", "2 h 5 min"."""
    rounded = max(1, round(seconds))
    if rounded > 10:
        rounded = ceil(seconds / 5) * 5
    if rounded < 60:
        return tr("{s} s").format(s=rounded)
    minutes = round(seconds / 60) or 1
    if minutes < 60:
        return tr("{m} min").format(m=minutes)
    if minutes > 600:
        return tr("{h} h").format(h=round(minutes / 60))
    hours, minutes = divmod(minutes, 60)
    return tr("{h} h {m} min").format(h=hours, m=minutes)


def end_time_text(seconds: float, now: datetime) -> str:
    """Format the time `seconds` after `now`: "03:40", with the weekday if 20 hours or more away."""
    end = now + timedelta(seconds=seconds)
    if end - now < timedelta(hours=20):
        return f"{end:%H:%M}"
    day = QLocale().dayName(end.isoweekday(), QLocale.FormatType.ShortFormat)
    return f"{day} {end:%H:%M}"


def time_ago_text(then: datetime, now: datetime) -> str:
    """Format how long ago something was, e.g. "just now", "5 min ago", "3 d ago"."""
    seconds = max(0.0, (now - then).total_seconds())
    if seconds < 60:
        return tr("just now")
    if seconds < 3600:
        return tr("{n} min ago").format(n=int(seconds // 60))
    if seconds < 86_400:
        return tr("{n} h ago").format(n=int(seconds // 3600))
    if seconds < 30 * 86_400:
        return tr("{n} d ago").format(n=int(seconds // 86_400))
    day = QDate(then.year, then.month, then.day)
    return QLocale().toString(day, QLocale.FormatType.ShortFormat)
