"""Human-readable sizes in bytes."""

from __future__ import annotations

_UNITS = ("B", "kB", "MB", "GB", "TB")


def readable_size(size: int) -> str:
    """Return a size in decimal units, the same in every language, e.g. "97 MB", "1.4 GB"."""
    power = 0
    # 999.5 and more would be rounded to 1000.
    while size >= 999.5 * 1000**power and power + 1 < len(_UNITS):
        power += 1
    digits = 1 if power >= _UNITS.index("GB") else 0
    return f"{size / 1000**power:.{digits}f} {_UNITS[power]}"
