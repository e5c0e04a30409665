"""Read the icons of the sets, which are SVG, as strokes on the grid."""

from __future__ import annotations

import io
import itertools
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from svgelements import SVG, Close, CubicBezier, Line, Move, QuadraticBezier, Shape
from svgelements import Path as SvgPath

from studio.formats.icons.drawing import Look
from studio.formats.icons.geometry import (
    KAPPA,
    STEP,
    UNITS,
    Circle,
    Icon,
    Path,
    Point,
    Segment,
    Stroke,
    canonical,
    on_grid,
)

# Things that a plain stroke icon does not have.
UNWANTED = re.compile(
    r"<(mask|clipPath|use|text|image|filter|linearGradient|radialGradient|pattern|animate\w*|set)\b"
    r"|\bopacity=|stroke-dasharray|stroke-opacity|<style|\bclass="
)
# A filled shape up to this many units large is drawn as a dot.
LARGEST_DOT = 3.0


@dataclass(frozen=True)
class Refused:
    """Why an icon is no plain stroke icon."""

    reason: str


def _grid(value: float) -> int:
    return math.floor(value * STEP + 0.5)


def _point(point: Any) -> Point:
    return _grid(point.x), _grid(point.y)


def _quarter(a: Any, b: Any, c: Any, d: Any) -> str | None:
    """What kind of quarter ellipse along the axes a cubic curve is, within a fifth of a unit."""
    width, height = d.x - a.x, d.y - a.y
    if min(abs(width), abs(height)) < 0.3:
        return None
    keep = 1 - KAPPA
    along_x = ((a.x + KAPPA * width, a.y), (d.x, a.y + keep * height))
    along_y = ((a.x, a.y + KAPPA * height), (a.x + keep * width, d.y))
    near = 0.2
    for kind, (first, second) in (("J", along_x), ("K", along_y)):
        off = (b.x - first[0], b.y - first[1], c.x - second[0], c.y - second[1])
        if max(map(abs, off)) <= near:
            return kind
    return None


def _cubics(piece: Any) -> Iterable[tuple[Any, Any, Any, Any]]:
    if isinstance(piece, CubicBezier):
        return [(piece.start, piece.control1, piece.control2, piece.end)]
    if isinstance(piece, QuadraticBezier):
        first = piece.start + (piece.control - piece.start) * (2 / 3)
        second = piece.end + (piece.control - piece.end) * (2 / 3)
        return [(piece.start, first, second, piece.end)]
    return [(c.start, c.control1, c.control2, c.end) for c in _axis_cubics(piece)]


def _axis_cubics(arc: Any) -> Iterable[Any]:
    """An arc as cubic curves, cut where it crosses its axes, so that quarters are recognised."""
    begin = math.atan2(*reversed(_in_circle(arc, arc.start)))
    sweep = float(arc.sweep)
    quarter = math.pi / 2
    cuts = [0.0]
    sign = 1 if sweep > 0 else -1
    position = begin / quarter
    following = math.floor(position + 1e-3) + 1 if sign > 0 else math.ceil(position - 1e-3) - 1
    while abs(following * quarter - begin) < abs(sweep) - 1e-2:
        cuts.append((following * quarter - begin) / sweep)
        following += sign
    cuts.append(1.0)
    for low, high in itertools.pairwise(cuts):
        yield _arc_piece(arc, begin + sweep * low, begin + sweep * high)


def _in_circle(arc: Any, point: Any) -> tuple[float, float]:
    """A point of an ellipse on the unit circle."""
    turn = -float(arc.get_rotation())
    dx, dy = point.x - arc.center.x, point.y - arc.center.y
    x, y = dx * math.cos(turn) - dy * math.sin(turn), dx * math.sin(turn) + dy * math.cos(turn)
    return x / (arc.rx or 1), y / (arc.ry or 1)


def _arc_piece(arc: Any, low: float, high: float) -> CubicBezier:
    turn = float(arc.get_rotation())
    reach = 4 / 3 * math.tan((high - low) / 4)

    def out(x: float, y: float) -> complex:
        x, y = x * arc.rx, y * arc.ry
        return complex(
            arc.center.x + x * math.cos(turn) - y * math.sin(turn),
            arc.center.y + x * math.sin(turn) + y * math.cos(turn),
        )

    a = (math.cos(low), math.sin(low))
    d = (math.cos(high), math.sin(high))
    b = (a[0] - reach * a[1], a[1] + reach * a[0])
    c = (d[0] + reach * d[1], d[1] - reach * d[0])
    return CubicBezier(out(*a), out(*b), out(*c), out(*d))


def _is_flat(a: Any, b: Any, c: Any, d: Any) -> bool:
    """Whether a curve is a line, within a tenth of a unit."""
    length = math.hypot(d.x - a.x, d.y - a.y)
    if length < 1e-6:
        return math.hypot(b.x - a.x, b.y - a.y) < 0.1 and math.hypot(c.x - a.x, c.y - a.y) < 0.1
    for p in (b, c):
        across = (p.x - a.x) * (d.y - a.y) - (p.y - a.y) * (d.x - a.x)
        along = (p.x - a.x) * (d.x - a.x) + (p.y - a.y) * (d.y - a.y)
        if abs(across) / length > 0.1 or not -0.1 <= along / length**2 <= 1.1:
            return False
    return True


def _circle(pieces: list[Any], closed: bool) -> Circle | None:
    """The circle that a subpath of arcs is, if it is one."""
    if not pieces or not closed or any(isinstance(p, Line) for p in pieces):
        return None
    samples = [piece.point(t) for piece in pieces for t in (0.0, 0.25, 0.5, 0.75)]
    xs, ys = [p.x for p in samples], [p.y for p in samples]
    x, y = (min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2
    distances = [math.hypot(p.x - x, p.y - y) for p in samples]
    radius = sum(distances) / len(distances)
    if max(abs(d - radius) for d in distances) > 0.12 or len(samples) < 8:
        return None
    return Circle((_grid(x), _grid(y)), max(1, _grid(radius)))


def _subpaths(path: Any) -> Iterable[tuple[list[Any], bool]]:
    pieces: list[Any] = []
    closed = False
    for piece in path:
        if isinstance(piece, Move):
            if pieces:
                yield pieces, closed
            pieces, closed = [], False
        elif isinstance(piece, Close):
            if pieces and piece.end is not None and pieces[-1].end != piece.end:
                pieces.append(Line(pieces[-1].end, piece.end))
            if pieces:
                yield pieces, True
            pieces, closed = [], False
        else:
            pieces.append(piece)
    if pieces:
        yield pieces, closed


def _stroke(pieces: list[Any], closed: bool) -> Stroke:
    closed = closed or (len(pieces) > 1 and abs(pieces[0].start - pieces[-1].end) < 1e-3)
    whole = _circle(pieces, closed)
    if whole is not None:
        return whole
    start = _point(pieces[0].start)
    segments: list[Segment] = []
    last = start
    for piece in pieces:
        if isinstance(piece, Line):
            made = [Segment("L", (_point(piece.end),))]
        else:
            made = []
            for a, b, c, d in _cubics(piece):
                kind = _quarter(a, b, c, d)
                if kind is not None and _grid(a.x) != _grid(d.x) and _grid(a.y) != _grid(d.y):
                    made.append(Segment(kind, (_point(d),)))
                elif _is_flat(a, b, c, d):
                    made.append(Segment("L", (_point(d),)))
                else:
                    made.append(Segment("C", (_point(b), _point(c), _point(d))))
        for segment in made:
            if any(point != last for point in segment.points):
                segments.append(segment)
                last = segment.end
    return Path(start, tuple(segments), closed and len(segments) > 1)


def _paint(value: Any) -> bool:
    return value is not None and value.value is not None


def read(
    body: str, left: float, top: float, width: float, height: float
) -> tuple[Icon, Look] | Refused:
    """The strokes of an icon and how they look; centred and scaled to the grid."""
    if UNWANTED.search(body):
        return Refused("more than plain strokes")
    marked = body.replace("currentColor", "#000001")
    source = f'<svg xmlns="http://www.w3.org/2000/svg">{marked}</svg>'
    try:
        parsed = SVG.parse(io.StringIO(source), reify=True)
    except (SyntaxError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError):
        return Refused("cannot be parsed")
    scale = UNITS / max(width, height)
    shift_x = (UNITS - width * scale) / 2 - left * scale
    shift_y = (UNITS - height * scale) / 2 - top * scale
    strokes: list[Stroke] = []
    widths: dict[float, float] = {}
    rounded = 0.0
    for element in parsed.elements():
        if not isinstance(element, Shape):
            continue
        stroked, filled = _paint(element.stroke), _paint(element.fill)
        if not stroked and not filled:
            continue
        path = SvgPath(element) * f"matrix({scale},0,0,{scale},{shift_x},{shift_y})"
        path.reify()
        try:
            box = path.bbox()
        except (ValueError, TypeError, ArithmeticError):
            return Refused("cannot be parsed")
        if box is None:
            continue
        if filled:
            sides = (box[2] - box[0], box[3] - box[1])
            if max(sides) > LARGEST_DOT or abs(sides[0] - sides[1]) > 0.4 or len(path) > 12:
                return Refused("a filled shape")
            count = sum(isinstance(piece, Move) for piece in path)
            if count != 1:
                return Refused("a filled shape")
            strokes.append(Path((_grid((box[0] + box[2]) / 2), _grid((box[1] + box[3]) / 2))))
            continue
        ends, joins = (element.values.get(f"stroke-line{at}") for at in ("cap", "join"))
        length = box[2] - box[0] + box[3] - box[1] + 0.1
        thick = float(element.stroke_width or 1) * scale
        widths[thick] = widths.get(thick, 0) + length
        made = [_stroke(pieces, closed) for pieces, closed in _subpaths(path)]
        open_ended = any(isinstance(stroke, Path) and not stroke.closed for stroke in made)
        rounded += length if (ends if open_ended else joins) == "round" else -length
        strokes.extend(made)
    if not widths:
        return Refused("no strokes")
    usual = max(widths, key=lambda thick: widths[thick])
    if max(widths) > 1.5 * usual or min(widths) < usual / 1.5:
        return Refused("strokes of several widths")
    icon = canonical(tuple(strokes))
    if not icon or not on_grid(icon):
        return Refused("reaches beyond the grid")
    return icon, Look(float(usual), bool(rounded > 0))


def original(body: str, left: float, top: float, width: float, height: float) -> str:
    """A whole SVG document of an icon as its set has it, centred as `read` does."""
    side = max(width, height)
    x, y = left - (side - width) / 2, top - (side - height) / 2
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" '
        f'viewBox="{x:g} {y:g} {side:g} {side:g}">{body}</svg>'
    )
