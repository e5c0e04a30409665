"""Zooming and panning keep the point under the pointer in place."""

import pytest

from studio.ui.media.picture.viewport import MAX_ZOOM, MIN_ZOOM, Viewport


def shown(width: int = 400, height: int = 200) -> Viewport:
    return Viewport(view=(200, 200)).with_picture(width, height)


def test_a_new_picture_is_fitted_and_centred() -> None:
    assert shown().target() == (0.0, 50.0, 200.0, 100.0)


def test_zooming_keeps_the_pixel_under_the_pointer() -> None:
    before = shown().zoomed(8, 150, 100)
    after = before.zoomed(2, 150, 100)
    assert after.to_picture(150, 100) == pytest.approx(before.to_picture(150, 100))


@pytest.mark.parametrize(("factor", "limit"), [(1e9, MAX_ZOOM), (1e-9, MIN_ZOOM)])
def test_zoom_stays_within_its_limits(factor: float, limit: float) -> None:
    assert shown().zoomed(factor, 100, 100).zoom == limit


def test_a_zoomed_picture_cannot_be_panned_out_of_the_view() -> None:
    x, y, width, height = shown().zoomed(4, 100, 100).panned(10_000, 10_000).target()
    assert (x, y) == (0.0, 0.0)
    assert width >= 200 and height >= 200


def test_an_upscaled_picture_shows_the_same_part_as_its_source() -> None:
    before = shown().zoomed(6, 120, 90)
    after = before.with_picture(800, 400)
    assert after.target() == pytest.approx(before.target())


def test_a_fitted_picture_follows_the_size_of_the_view() -> None:
    assert shown().with_view(400, 400).target() == (0.0, 100.0, 400.0, 200.0)


def test_an_empty_view_or_picture_is_no_error() -> None:
    assert Viewport().with_view(0, 0).fit().zoomed(2, 0, 0).target()[2:] == (0, 0)
