"""Icons of the vector recipe: read from SVG, on the grid, as tokens, and back."""

from __future__ import annotations

import random

import numpy as np
import pytest

from studio.engine.tasks.icon import grammar
from studio.formats.icons import drawing, geometry, tokens
from studio.formats.icons.geometry import Circle, Path, Segment, canonical, line, mirrored, shifted
from vector_recipe import svg
from vector_recipe.duplicates import render

HEAD = 'fill="none" stroke="currentColor" stroke-linecap="round" stroke-linejoin="round"'
BODIES = {
    "camera": f'<g {HEAD} stroke-width="2"><path d="M5 7h1a2 2 0 0 0 2-2a1 1 0 0 1 1-1h6a1 1 0 0 1 '
    '1 1a2 2 0 0 0 2 2h1a2 2 0 0 1 2 2v9a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2V9a2 2 0 0 1 2-2"/>'
    '<path d="M9 13a3 3 0 1 0 6 0a3 3 0 0 0-6 0"/></g>',
    "heart": f'<path {HEAD} stroke-width="2" d="M19 14c1.49-1.46 3-3.21 3-5.5A5.5 5.5 0 0 0 16.5 '
    '3c-1.76 0-3 .5-4.5 2c-1.5-1.5-2.74-2-4.5-2A5.5 5.5 0 0 0 2 8.5c0 2.3 1.5 4.05 3 5.5l7 7Z"/>',
    "alert": f'<g {HEAD} stroke-width="2"><circle cx="12" cy="12" r="10"/><path d="M12 8v4m0 4h.01"'
    "/></g>",
    "turned": f'<rect {HEAD} stroke-width="1.5" width="6" height="10" x="7" y="13.75" rx="2" '
    'transform="rotate(-90 7 13.75)"/>',
}


def read(body: str, side: float = 24) -> tuple[geometry.Icon, drawing.Look]:
    made = svg.read(body, 0, 0, side, side)
    assert not isinstance(made, svg.Refused), made
    return made


@pytest.mark.parametrize("name", BODIES)
def test_an_icon_of_a_set_is_read_written_and_drawn_nearly_as_it_was(name: str) -> None:
    icon, look = read(BODIES[name])
    source = '<svg xmlns="http://www.w3.org/2000/svg" width="96" height="96" viewBox="0 0 24 24">'
    before = render(f"{source}{BODIES[name]}</svg>", 96)
    after = render(drawing.document(icon, look, 96), 96)
    assert np.minimum(before, after).sum() / np.maximum(before, after).sum() > 0.93


@pytest.mark.parametrize("name", BODIES)
def test_tokens_give_the_same_icon_back(name: str) -> None:
    icon, _ = read(BODIES[name])
    drawn = tokens.encode(icon)
    assert grammar.grammatical(drawn)
    assert tokens.decode(drawn) == icon


def test_circles_corners_and_axis_lines_are_short() -> None:
    icon, look = read(BODIES["alert"])
    assert " ".join(tokens.encode(icon)) == "O x48 y48 r40 M x48 y32 V y48 M x48 y64 </s>"
    assert look == drawing.Look(2.0, True)
    corner, _ = read(f'<path {HEAD} d="M4 8a4 4 0 0 1 4-4h9"/>')
    assert " ".join(tokens.encode(corner)) == "M x68 y16 H x32 J x16 y32 </s>"


def test_a_square_is_written_in_one_way_whatever_its_start_and_direction() -> None:
    corners = [(16, 16), (80, 16), (80, 80), (16, 80)]
    ways = set()
    for points in (corners, corners[::-1]):
        for first in range(4):
            turned = points[first:] + points[:first]
            path = Path(turned[0], tuple(line(*point) for point in turned[1:]), closed=True)
            ways.add(canonical((path,)))
    from_the_middle = Path((48, 16), tuple(line(*p) for p in [*corners[1:], corners[0]]), True)
    ways.add(canonical((from_the_middle,)))
    assert len(ways) == 1


def test_the_order_of_strokes_in_the_file_does_not_matter() -> None:
    icon, _ = read(BODIES["camera"])
    strokes = [*icon, Path((8, 8)), Circle((80, 80), 4)]
    random.Random(0).shuffle(strokes)
    assert canonical(tuple(strokes)) == canonical((*icon, Path((8, 8)), Circle((80, 80), 4)))


def test_a_mirrored_icon_mirrored_again_is_the_same() -> None:
    for body in BODIES.values():
        icon, _ = read(body)
        assert mirrored(mirrored(icon)) == icon
        assert shifted(shifted(icon, 2, -2), -2, 2) == icon


def test_icons_on_other_grids_are_scaled_with_their_stroke_width() -> None:
    icon, look = read(f'<path {HEAD} stroke-width="32" d="M128 256h256"/>', 512)
    assert icon == (Path((24, 48), (line(72, 48),)),)
    assert look.width == pytest.approx(1.5)


@pytest.mark.parametrize(
    "body",
    [
        f'<path {HEAD} opacity=".3" d="M4 4h9"/>',
        '<path fill="currentColor" d="M4 4h9v9z"/>',
        f'<mask id="a"></mask><path {HEAD} mask="url(#a)" d="M4 4h9"/>',
        f'<path {HEAD} d="M4 4h9"><animate attributeName="d"/></path>',
        f'<path {HEAD} d="M-40 4h90"/>',
        f'<g {HEAD}><path stroke-width="1" d="M4 4h9"/><path stroke-width="3" d="M4 9h9"/></g>',
        "<path d=",
    ],
)
def test_what_is_no_plain_stroke_icon_is_refused(body: str) -> None:
    assert isinstance(svg.read(body, 0, 0, 24, 24), svg.Refused)


@pytest.mark.parametrize(
    "drawing",
    [
        "</s>",
        "L x8 y8 </s>",
        "M x8 y8 Z </s>",
        "M x8 x8 </s>",
        "M x8 y8 L x8 </s>",
        "M x8 y8 L x0 y1",
        "M x8 y8 Z L x8 y9 </s>",
        "O x8 y8 y4 </s>",
        "M x8 y8 H y4 </s>",
        "M x8 y8 </s> M",
        "M x999 y8 </s>",
        "<s> M x8 y8 </s>",
    ],
)
def test_what_the_grammar_refuses(drawing: str) -> None:
    assert not grammar.grammatical(drawing.split())


def test_whatever_the_grammar_allows_ends_in_time_on_the_grid() -> None:
    draw = random.Random(1)
    for budget in (4, 5, 9, 40):
        pens = grammar.Pens(50)
        drawn: list[list[str]] = [[] for _ in range(50)]
        for left in reversed(range(budget)):
            allowed = pens.allowed(left)
            picked = np.array([draw.choice(np.flatnonzero(row).tolist()) for row in allowed])
            for row, number, ended in zip(drawn, picked, pens.ended, strict=True):
                row.extend([] if ended else [tokens.DRAWING[number]])
            pens.draw(picked)
        for row in drawn:
            assert grammar.grammatical(row)
            icon = tokens.decode(row)
            assert icon and geometry.on_grid(icon)
            assert tokens.encode(icon) == row or "L" in row


def test_every_point_is_a_place_on_the_grid() -> None:
    drawn = "M x8 y8 H x16 V y16 Z M x10 y8 L x14 y12 O x14 y14 r4 M x15 y15 </s>"
    icon = tokens.decode(drawn.split())
    assert [geometry.points_of(stroke)[0] for stroke in icon if isinstance(stroke, Path)] == [
        (8, 8),
        (10, 8),
        (15, 15),
    ]
    assert icon[2] == Circle((14, 14), 4)
    assert tokens.encode(icon) == drawn.split()


def test_what_was_in_the_middle_or_mirrored_is_so_when_scaled() -> None:
    icon = (Circle((48, 48), 10), Path((21, 33), (geometry.line(75, 33),)))
    for factor in (0.8, 0.93, 1.1):
        larger = geometry.scaled(icon, factor)
        assert geometry.mirrored(larger) == larger
        line, circle = larger
        assert isinstance(circle, Circle) and circle.centre == (48, 48)
        assert circle.radius == round(10 * factor)
        assert isinstance(line, Path) and abs(line.end[0] - line.start[0] - 54 * factor) <= 1


def test_quarter_ellipses_bulge_to_the_side_they_set_out_to() -> None:
    for kind, x, y in (("J", 64, 20), ("K", 20, 64)):
        for ends in (((8, 8), (72, 72)), ((72, 72), (8, 8))):
            path = Path(ends[0], (Segment(kind, (ends[1],)),))
            picture = render(drawing.document((path,), drawing.Look(2.0, True)), 96)
            upper = picture[np.triu_indices(96, 12)].sum() > picture[np.tril_indices(96, -12)].sum()
            from_top = ends[0] == (8, 8)
            assert upper == ((x > y) == from_top), (kind, ends)
