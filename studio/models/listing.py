"""What a look at all folders of models finds."""

from __future__ import annotations

from msgspec import Struct

from studio.protocol import ModelRef, Problem


class Listing(Struct, frozen=True):
    """The usable models, and the problems of others by id or file name.

    `unfinished` are new files that another program is still writing; they are not listed yet.
    """

    models: tuple[ModelRef, ...]
    problems: dict[str, Problem]
    unfinished: tuple[str, ...] = ()
