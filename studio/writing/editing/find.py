"""Find a text in another, as it is written."""

from __future__ import annotations

import re

MAX_FOUND = 100_000


def places_of(text: str, wanted: str, *, match_case: bool) -> list[tuple[int, int]]:
    """Return where a text occurs: starts and ends, in order."""
    if not wanted:
        return []
    flags = 0 if match_case else re.IGNORECASE
    found: list[tuple[int, int]] = []
    for match in re.finditer(re.escape(wanted), text, flags):
        found.append(match.span())
        if len(found) == MAX_FOUND:
            break
    return found


def replace_all(text: str, wanted: str, new: str, *, match_case: bool) -> tuple[str, int]:
    """Return the text with every occurrence replaced, and how many there were."""
    places = places_of(text, wanted, match_case=match_case)
    parts, place = [], 0
    for start, end in places:
        parts += [text[place:start], new]
        place = end
    return "".join([*parts, text[place:]]), len(places)
