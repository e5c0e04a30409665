"""A stroke icon on a grid of 24 units, in quarter units and absolute whole numbers.

An icon is a tuple of strokes. A stroke is a circle, or a start and segments, open or closed; one
without segments is a dot. Beside lines and cubic curves there are quarter ellipses with axes
along the grid, which corners and circles of icons nearly always are: three items long, not seven,
and exact.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

UNITS = 24
STEP = 4
LOWEST, HIGHEST = -2 * STEP, (UNITS + 2) * STEP
LONGEST_RADIUS = 13 * STEP

Point = tuple[int, int]
Move = Callable[[Point], Point]

# How far a control point lies from the corner, as a share of the side, in a quarter ellipse.
KAPPA = 0.5522847498


@dataclass(frozen=True)
class Segment:
    """A line "L", a cubic curve "C", or a quarter ellipse that sets out along x "J" or y "K".

    `points` are the two control points of a curve and the end of the segment.
    """

    kind: str
    points: tuple[Point, ...]

    @property
    def end(self) -> Point:
        return self.points[-1]


@dataclass(frozen=True)
class Path:
    start: Point
    segments: tuple[Segment, ...] = ()
    closed: bool = False

    @property
    def end(self) -> Point:
        return self.segments[-1].end if self.segments else self.start


@dataclass(frozen=True)
class Circle:
    centre: Point
    radius: int


Stroke = Path | Circle
Icon = tuple[Stroke, ...]


def line(x: int, y: int) -> Segment:
    return Segment("L", ((x, y),))


def points_of(stroke: Stroke) -> list[Point]:
    """Every point of a stroke, control points too; the four outermost of a circle."""
    if isinstance(stroke, Circle):
        (x, y), r = stroke.centre, stroke.radius
        return [(x - r, y), (x + r, y), (x, y - r), (x, y + r)]
    return [stroke.start, *(point for segment in stroke.segments for point in segment.points)]


def bounds(icon: Icon) -> tuple[int, int, int, int]:
    """The smallest x and y and the largest x and y of all points."""
    points = [point for stroke in icon for point in points_of(stroke)]
    xs, ys = [x for x, _ in points], [y for _, y in points]
    return min(xs), min(ys), max(xs), max(ys)


def on_grid(icon: Icon) -> bool:
    """Whether every number of the icon has a token."""
    x0, y0, x1, y1 = bounds(icon)
    radii = [stroke.radius for stroke in icon if isinstance(stroke, Circle)]
    return (
        min(x0, y0) >= LOWEST
        and max(x1, y1) <= HIGHEST
        and all(1 <= radius <= LONGEST_RADIUS for radius in radii)
    )


def reverse(path: Path) -> Path:
    """The same open path from its other end."""
    segments = []
    begin = path.start
    for segment in path.segments:
        *controls, _ = segment.points
        kind = {"J": "K", "K": "J"}.get(segment.kind, segment.kind)
        segments.append(Segment(kind, (*reversed(controls), begin)))
        begin = segment.end
    return replace(path, start=path.end, segments=tuple(reversed(segments)))


def _area(path: Path) -> float:
    """Twice the signed area of the polygon of all points; positive is clockwise on screen."""
    points = points_of(path)
    around = zip(points, points[1:] + points[:1], strict=True)
    return sum(a[0] * b[1] - b[0] * a[1] for a, b in around)


def _joined(path: Path) -> Path:
    """The path with lines that go on along the same axis as one line."""
    segments: list[Segment] = []
    begin = path.start
    begins: list[Point] = []
    for segment in path.segments:
        if segments and segment.kind == segments[-1].kind == "L":
            (x0, y0), (x1, y1), (x2, y2) = begins[-1], begin, segment.end
            along_y = x0 == x1 == x2 and (y1 - y0) * (y2 - y1) > 0
            along_x = y0 == y1 == y2 and (x1 - x0) * (x2 - x1) > 0
            if along_x or along_y:
                segments[-1] = segment
                begin = segment.end
                continue
        segments.append(segment)
        begins.append(begin)
        begin = segment.end
    return replace(path, segments=tuple(segments))


def _canonical_closed(path: Path) -> Path:
    segments = path.segments
    if path.end != path.start:
        segments = (*segments, line(*path.start))
    closed = Path(path.start, segments, True)
    if _area(closed) < 0:
        closed = reverse(closed)
    corners = [segment.end for segment in closed.segments]
    first = min(range(len(corners)), key=lambda i: (corners[i][1], corners[i][0]))
    start = corners[first]
    turned = _joined(
        Path(start, closed.segments[first + 1 :] + closed.segments[: first + 1])
    ).segments
    if len(turned) > 1 and turned[-1].kind == "L":
        turned = turned[:-1]
    return Path(start, turned, True)


def canonical_stroke(stroke: Stroke) -> Stroke:
    """The one way to write a stroke: from its upper left end, closed ones clockwise."""
    if isinstance(stroke, Circle):
        return stroke
    if not stroke.segments:
        return Path(stroke.start)
    if stroke.closed or (stroke.start == stroke.end and len(stroke.segments) > 1):
        return _canonical_closed(stroke)
    stroke = _joined(stroke)
    (x0, y0), (x1, y1) = stroke.start, stroke.end
    return reverse(stroke) if (y1, x1) < (y0, x0) else stroke


def canonical(icon: Icon) -> Icon:
    """The one way to write an icon: large strokes first, those of one size from the top left."""

    def place(stroke: Stroke) -> tuple[int, int, int, tuple[int, ...]]:
        x0, y0, x1, y1 = bounds((stroke,))
        size = (x1 - x0 + y1 - y0) // (4 * STEP)
        return -size, y0, x0, tuple(number for point in points_of(stroke) for number in point)

    unique = dict.fromkeys(canonical_stroke(stroke) for stroke in icon)
    return tuple(sorted(unique, key=place))


def moved(icon: Icon, move: Move, grow: float = 1.0) -> Icon:
    """Every point moved and every radius grown; the move keeps the directions of the axes."""

    def one(stroke: Stroke) -> Stroke:
        if isinstance(stroke, Circle):
            return Circle(move(stroke.centre), max(1, int(stroke.radius * grow + 0.5)))
        segments = tuple(Segment(s.kind, tuple(map(move, s.points))) for s in stroke.segments)
        return Path(move(stroke.start), segments, stroke.closed)

    return canonical(tuple(one(stroke) for stroke in icon))


def mirrored(icon: Icon) -> Icon:
    """Left and right exchanged."""
    return moved(icon, lambda point: (UNITS * STEP - point[0], point[1]))


def shifted(icon: Icon, dx: int, dy: int) -> Icon:
    return moved(icon, lambda point: (point[0] + dx, point[1] + dy))


def scaled(icon: Icon, factor: float) -> Icon:
    """Larger or smaller around the middle of the grid; what was aligned or mirrored stays so."""
    middle = UNITS * STEP // 2

    def place(number: int) -> int:
        distance = abs(number - middle) * factor
        return middle + int(distance + 0.5) * (1 if number > middle else -1)

    return moved(icon, lambda point: (place(point[0]), place(point[1])), factor)
