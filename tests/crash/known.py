"""Crash points that are known to leave a contradiction: counted, and failing nothing.

The one place for them. An entry goes when its fault is mended; `run.py` says which were met.
"""

from __future__ import annotations

import re

from msgspec import Struct


class Known(Struct, frozen=True):
    """A fault of one operation, known by what the checker says."""

    operation: str
    said: str
    reason: str

    def matches(self, operation: str, said: str) -> bool:
        """Tell whether a contradiction is this fault."""
        return operation == self.operation and re.search(self.said, said) is not None


_MARKS = "marks.jsonl is written before the index: a kill between them leaves them apart"
_MOVED = "a file is moved in three steps (marks, file, index), and the start mends none of them"
_EXPORT = "an export is not whole or nothing: copies are written in place, and listed at the end"
_REBUILT = "an index that a kill left half made is taken for a whole one at the next start"

KNOWN = (
    Known("mark", "^marks file and index differ", _MARKS),
    Known("trash", "^trash and marks file differ", _MOVED),
    Known("trash", "^indexed and not there", _MOVED),
    Known("trash", "^there and not indexed", _MOVED),
    Known("restore", "^trash and marks file differ", _MOVED),
    Known("restore", "^indexed and not there", _MOVED),
    Known("restore", "^there and not indexed", _MOVED),
    Known("empty the trash", "^trash and marks file differ", _MOVED),
    Known("empty the trash", "^indexed and not there", _MOVED),
    Known("export", "^half a copy", _EXPORT),
    Known("export", "^a copy that is not in the table", _EXPORT),
    Known("rebuild without an index", "^there and not indexed", _REBUILT),
    Known("rebuild without an index", "^marks of nothing", _REBUILT),
    Known("rebuild without an index", "^marks file and index differ", _REBUILT),
    Known("rebuild without an index", "^trash and index differ", _REBUILT),
    Known("rebuild without an index", "^results:", _REBUILT),
)
