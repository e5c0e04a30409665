"""References to files: pixels and weights never cross the pipe themselves."""

from __future__ import annotations

from msgspec import Struct


class FileRef(Struct, frozen=True):
    """A file by name and content hash (hex). The engine resolves it to a path.

    For a result, `name` is the file name in the job's work folder, and `sha256` is empty. For an
    input, `name` is its path in the request.
    """

    sha256: str
    name: str
