"""Files that the app and an engine speak of: pixels and weights never cross the pipe."""

from __future__ import annotations

from msgspec import Struct


class FileRef(Struct, frozen=True):
    """A file, by its content and its name; the engine knows where it lies.

    A result is named by its file name in the job's work folder, without a `sha256` (hex): nothing
    is hashed for it. An input is named by its path in the request.
    """

    sha256: str
    name: str
