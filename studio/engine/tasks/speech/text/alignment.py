"""Which part of a sentence a part of its spoken form comes from: `2026` and `twenty twenty-six`."""

from __future__ import annotations

from difflib import SequenceMatcher

from msgspec import Struct


class Alignment(Struct, frozen=True):
    """For each character of the spoken form, start and end of its part of the written form."""

    spans: tuple[tuple[int, int], ...]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return the written part of a spoken one."""
        parts = self.spans[start:end]
        return min(part[0] for part in parts), max(part[1] for part in parts)


def align(written: str, spoken: str) -> Alignment:
    """Return the alignment of a sentence with its spoken form."""
    if written == spoken:
        return Alignment(tuple((at, at + 1) for at in range(len(spoken))))
    spans: list[tuple[int, int]] = []
    matcher = SequenceMatcher(None, written, spoken, autojunk=False)
    for kind, i1, i2, j1, j2 in matcher.get_opcodes():
        if kind == "equal":
            spans += [(at, at + 1) for at in range(i1, i2)]
        elif j2 > j1:
            # Something added stands for the character before it.
            part = (i1, i2) if i2 > i1 else (max(0, i1 - 1), max(i1, 1))
            spans += [part] * (j2 - j1)
    return Alignment(tuple(spans))
