"""Which part of a picture is seen at a time: zooms, and pans over it."""

from __future__ import annotations

from msgspec import Struct

from studio.kinds.film import Motion

ZOOM_A_SECOND = 0.04
"""Share of its size by which the part that is seen grows or shrinks in a second."""
MAX_ZOOM = 0.2
_PAN_A_SECOND = 0.1
"""Share of the frame that a pan moves in a second."""
_IS_LONG = 1.15
"""A picture this much longer than the frame is panned over along its length."""
_TURNS: tuple[Motion, ...] = ("in", "right", "out", "left")

Box = tuple[float, float, float, float]
"""Left, top, right and bottom in pixels of the picture, not rounded."""


class Move(Struct, frozen=True):
    """A motion of the camera, at constant speed, over a picture of some size."""

    start: Box
    end: Box

    def at(self, time: float) -> Box:
        """Return what is seen at a time from 0 to 1."""
        left, top, right, bottom = (
            first + (last - first) * time for first, last in zip(self.start, self.end, strict=True)
        )
        return left, top, right, bottom

    @property
    def is_still(self) -> bool:
        """Whether the camera does not move."""
        return self.start == self.end


def zoom_of(seconds: float) -> float:
    """Return the share of its size by which what is seen changes during a shot."""
    return min(MAX_ZOOM, ZOOM_A_SECOND * seconds)


def chosen_motion(
    motion: Motion, place: int, size: tuple[int, int], frame: tuple[int, int]
) -> Motion:
    """Return the motion of the shot at a place in the film; "auto" changes from shot to shot."""
    if motion != "auto":
        return motion
    across, down = _overhang(size, frame)
    if down > _IS_LONG:
        return "down" if place % 2 else "up"
    if across > _IS_LONG:
        return "left" if place % 2 else "right"
    return _TURNS[place % len(_TURNS)]


def move_over(
    motion: Motion, size: tuple[int, int], frame: tuple[int, int], seconds: float
) -> Move:
    """Return the move of a camera over a picture for a frame of some shape."""
    across, down = _overhang(size, frame)
    width, height = size[0] / across, size[1] / down
    zoom = zoom_of(seconds)
    if motion in ("in", "out"):
        wide, near = _box(size, width, height), _box(size, width * (1 - zoom), height * (1 - zoom))
        return Move(wide, near) if motion == "in" else Move(near, wide)
    if motion == "none" or motion == "auto":
        still = _box(size, width, height)
        return Move(still, still)
    is_across = motion in ("left", "right")
    if (across if is_across else down) < 1 + zoom:
        width, height = width * (1 - zoom), height * (1 - zoom)
    room = size[0] - width if is_across else size[1] - height
    way = min(room, _PAN_A_SECOND * seconds * (width if is_across else height)) / 2
    if motion in ("left", "up"):
        way = -way
    shift = (way, 0.0) if is_across else (0.0, way)
    return Move(_box(size, width, height, -shift[0], -shift[1]), _box(size, width, height, *shift))


def _overhang(size: tuple[int, int], frame: tuple[int, int]) -> tuple[float, float]:
    """Return how much wider and higher than the frame a picture is that fills it; one is 1."""
    ratio = (size[0] * frame[1]) / (size[1] * frame[0])
    return (ratio, 1.0) if ratio >= 1 else (1.0, 1 / ratio)


def _box(
    size: tuple[int, int], width: float, height: float, right: float = 0.0, down: float = 0.0
) -> Box:
    """Return a box in the middle of a picture, or beside it, but inside the picture."""
    left = min(max(0.0, (size[0] - width) / 2 + right), size[0] - width)
    top = min(max(0.0, (size[1] - height) / 2 + down), size[1] - height)
    return max(0.0, left), max(0.0, top), min(size[0], left + width), min(size[1], top + height)
