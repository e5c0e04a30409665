"""Faults that are known and not mended yet: counted where they are met, and failing nothing."""

from __future__ import annotations

import re

from msgspec import Struct


class KnownFault(Struct, frozen=True):
    """A fault of one reader or operation (`place`), known by what a finding says."""

    place: str
    message: str
    reason: str

    def matches(self, place: str, message: str) -> bool:
        """Return whether a finding is this fault."""
        return place == self.place and re.search(self.message, message) is not None
