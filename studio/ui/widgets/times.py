"""Times in words."""

from __future__ import annotations

from datetime import datetime

from PySide6.QtCore import QDate, QLocale

from studio.ui.style.translations import tr


def seconds_text(seconds: float) -> str:
    """Return a duration, e.g. "0.8 s", "12 s", "3 min 20 s", "2 h 5 min"."""
    if seconds < 9.95:
        return tr("{s} s").format(s=f"{seconds:.1f}")
    whole = round(seconds)
    if whole < 60:
        return tr("{s} s").format(s=whole)
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return tr("{m} min {s} s").format(m=minutes, s=rest)
    hours, minutes = divmod(minutes, 60)
    return tr("{h} h {m} min").format(h=hours, m=minutes)


def ago_text(then: datetime, now: datetime) -> str:
    """Return how long ago something was, e.g. "just now", "5 min ago", "3 d ago"."""
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
