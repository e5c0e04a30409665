"""Crash points that are known to leave a contradiction: counted, and failing nothing.

The one place for them. An entry goes when its fault is mended; `run.py` says which were met.
"""

from __future__ import annotations

from tests.known_faults import KnownFault

_MARKS = "marks.jsonl is written before the index: a kill between them leaves them apart"
_MOVED = "a file is moved in three steps (marks, file, index), and the start mends none of them"
_REBUILT = "an index that a kill left half made is taken for a whole one at the next start"

KNOWN = (
    KnownFault("mark", "^marks file and index differ", _MARKS),
    KnownFault("trash", "^trash and marks file differ", _MOVED),
    KnownFault("trash", "^indexed and not there", _MOVED),
    KnownFault("trash", "^there and not indexed", _MOVED),
    KnownFault("restore", "^trash and marks file differ", _MOVED),
    KnownFault("restore", "^indexed and not there", _MOVED),
    KnownFault("restore", "^there and not indexed", _MOVED),
    KnownFault("empty the trash", "^trash and marks file differ", _MOVED),
    KnownFault("empty the trash", "^indexed and not there", _MOVED),
    KnownFault("rebuild without an index", "^there and not indexed", _REBUILT),
    KnownFault("rebuild without an index", "^marks of nothing", _REBUILT),
    KnownFault("rebuild without an index", "^marks file and index differ", _REBUILT),
    KnownFault("rebuild without an index", "^trash and index differ", _REBUILT),
    KnownFault("rebuild without an index", "^results:", _REBUILT),
)
