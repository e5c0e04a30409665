"""Files that the app and an engine speak of: pixels and weights never cross the pipe."""

from __future__ import annotations

from msgspec import Struct


class FileRef(Struct, frozen=True):
    """A file, by its content and its name; the engine knows where it lies.

    `sha256` is hex, empty where it was not computed: then `name` alone tells which file of a
    job's work folder it is.
    """

    sha256: str
    name: str
