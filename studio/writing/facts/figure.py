"""A figure of a text."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal, TypeAlias

from msgspec import Struct

Rounding: TypeAlias = Literal["exact", "about", "over", "under"]


class Figure(Struct, frozen=True):
    """A number with what it counts: `text[start:end]` of the text that was read.

    `value` is in the base unit of the dimension and without sign; `direction` is 1 where the text
    says that something rose or is gained, -1 where it fell or is lost, 0 where it says neither.
    `counted` are the words after a count ("goals", "商店"); `other` is the second number
    of a score.
    """

    value: Decimal
    dimension: str
    start: int
    end: int
    direction: int = 0
    rounding: Rounding = "exact"
    step: Decimal = Decimal(1)
    """What one in the last written place is worth, in the base unit."""
    counted: frozenset[str] = frozenset()
    other: Decimal | None = None
    number: Decimal = Decimal(0)
    """The value in the unit that is written: 5 of "5 kg"."""
    number_step: Decimal = Decimal(1)
    in_words: bool = False
    direction_at: tuple[int, int] | None = None
    """Where the word stands that says the direction."""
    as_millions: Decimal | None = None
    """The value if its "m" is no metre but millions: 1.71m."""
    is_unit_borrowed: bool = False
    """Whether the unit stands only at the second figure of a range: 43 of "43 to 53 inches"."""
    clause: int = 0
    """Where its clause begins."""
    period: str = ""
    """Each what it is said for: "day" of "4.5 a day"."""
    label: frozenset[str] = frozenset()
    """Pairs of Chinese characters right before it: 听力 of "听力8.0"."""
    stems: frozenset[str] = frozenset()
    """What the words around it are about, without those that say its direction."""

    is_fraction: bool = False
    """Whether it is a fraction in words, as a percentage: a third, 四分之一."""

    @property
    def is_bare(self) -> bool:
        """Whether the number has no unit: in the lists of a brief they are often left out."""
        return self.dimension == "count"
