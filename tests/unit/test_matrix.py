"""A matrix of requests from one base request."""

from __future__ import annotations

import pytest

from studio.jobs.matrix import Axis, build, count, parse_axis
from studio.kinds.image import ImageRequest
from studio.protocol import ProblemError

BASE = ImageRequest(prompt="a cat", seed=7)


def test_lists_and_ranges_of_values_are_parsed() -> None:
    assert parse_axis("steps", "10, 20; 30").values == ("10", "20", "30")
    assert parse_axis("seed", "1-4, 9, 4").values == ("1", "2", "3", "4", "9")
    assert parse_axis("size", "512x512, 768 × 512").values == ("512x512", "768x512")
    assert parse_axis("prompt", "a cat, sitting\na dog").values == ("a cat, sitting", "a dog")


def test_every_combination_occurs_once_and_the_last_axis_varies_fastest() -> None:
    axes = [parse_axis("steps", "10,20"), parse_axis("size", "512x512,768x512")]
    cells = build(BASE, axes)
    requests = [cell.request for cell in cells if isinstance(cell.request, ImageRequest)]
    made = [(request.steps, request.width, request.height) for request in requests]
    assert made == [(10, 512, 512), (10, 768, 512), (20, 512, 512), (20, 768, 512)]
    assert cells[1].labels == {"steps": "10", "size": "768x512"}
    assert count(axes) == len(cells)
    assert {c.request.seed for c in cells} == {7}


def test_a_random_seed_is_drawn_once_for_all() -> None:
    cells = build(ImageRequest(prompt="a cat"), [parse_axis("steps", "1-5")])
    seeds = {cell.request.seed for cell in cells}
    assert len(seeds) == 1
    assert None not in seeds


@pytest.mark.parametrize(
    ("axis", "named"),
    [(Axis("steps", ("0",)), "steps"), (Axis("guidance_scale", ("much",)), "guidance_scale")],
)
def test_an_invalid_value_is_refused_with_the_name_of_its_field(axis: Axis, named: str) -> None:
    with pytest.raises(ProblemError, match=named):
        build(BASE, [axis])


def test_more_than_ten_thousand_combinations_are_refused() -> None:
    axes = [parse_axis("seed", "1-5000"), parse_axis("steps", "1-3")]
    with pytest.raises(ProblemError, match="15000"):
        build(BASE, axes)
    with pytest.raises(ProblemError):
        parse_axis("seed", "0-4000000000")
