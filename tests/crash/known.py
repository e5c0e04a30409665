"""Crash points that are known to leave a contradiction: counted, and failing nothing.

The one place for them. An entry goes when its fault is mended; `run.py` says which were met.
"""

from __future__ import annotations

from tests.known_faults import KnownFault

KNOWN: tuple[KnownFault, ...] = ()
