"""When each shot is seen: cuts on whole frames, and cross-fades around them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

from msgspec import Struct


class Seen(Struct, frozen=True):
    """A shot in one frame: how far it is, 0 to 1, and its share of the frame."""

    shot: int
    time: float
    share: float


class Timeline:
    """The frames of a film.

    Args:
        lengths: of the shots, in seconds; each takes one frame at least.
        rate: frames a second.
        fade: seconds of a cross-fade, which is shorter around short shots.
        loops: whether the last shot fades into the first.
    """

    def __init__(
        self, lengths: Sequence[float], rate: Fraction, fade: float, *, loops: bool
    ) -> None:
        self.rate = rate
        self._cuts = [0]
        end = Fraction(0)
        for length in lengths:
            end += Fraction(length).limit_denominator(1_000_000)
            self._cuts.append(max(self._cuts[-1] + 1, round(end * rate)))
        self._halves = self._fades(round(fade * rate / 2), loops)

    @property
    def frames(self) -> int:
        """How many frames the film has."""
        return self._cuts[-1]

    def first_frame(self, shot: int) -> int:
        """Return the frame at the cut before a shot."""
        return self._cuts[shot]

    def seconds_at(self, shot: int) -> Fraction:
        """Return when a shot begins; the number of shots stands for the end of the film."""
        return self._cuts[shot] / self.rate

    def span(self, shot: int) -> int:
        """Return in how many frames a shot is seen, with its cross-fades."""
        length = self._cuts[shot + 1] - self._cuts[shot]
        return length + self._halves[shot] + self._halves[shot + 1]

    def at(self, frame: int) -> list[Seen]:
        """Return the shots that are seen in a frame: one, or two during a cross-fade."""
        shot = bisect_right(self._cuts, frame) - 1
        last = len(self._cuts) - 2
        before, after = self._halves[shot], self._halves[shot + 1]
        since, left = frame - self._cuts[shot], self._cuts[shot + 1] - frame
        own = self._seen(shot, since + before, 1.0)
        if since < before:
            share = (since + before + 0.5) / (2 * before)
            other = shot - 1 if shot else last
            place = self.span(other) - before + since
            return [self._seen(other, place, 1 - share), self._seen(shot, since + before, share)]
        if left <= after:
            share = (after - left + 0.5) / (2 * after)
            other = shot + 1 if shot < last else 0
            return [
                self._seen(shot, since + before, 1 - share),
                self._seen(other, after - left, share),
            ]
        return [own]

    def _seen(self, shot: int, place: int, share: float) -> Seen:
        return Seen(shot, place / max(1, self.span(shot) - 1), share)

    def _fades(self, wanted: int, loops: bool) -> list[int]:
        """Return half of the frames of the cross-fade at each cut, and at both ends."""
        lengths = [after - before for before, after in pairwise(self._cuts)]
        around = pairwise(lengths)
        inner = [min(wanted, first // 2, second // 2) for first, second in around]
        repeats = loops and len(lengths) > 1
        ends = min(wanted, lengths[0] // 2, lengths[-1] // 2) if repeats else 0
        return [ends, *inner, ends]
