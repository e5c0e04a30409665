"""Tiles cover the whole picture, and blending them leaves the pixels unchanged."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from studio.engine.tasks.upscale.tiles import Span, blend, largest_tile, spans, weights

CASES = [
    (length, tile, overlap, multiple)
    for length, (tile, overlap), multiple in itertools.product(
        [*range(1, 260), 511, 1000, 4001],
        [(32, 8), (64, 16), (64, 32), (96, 1), (192, 16)],
        [1, 32],
    )
]


def test_every_pixel_is_covered_with_weights_that_sum_to_one() -> None:
    for length, tile, overlap, multiple in CASES:
        for scale in (1, 3):
            total = np.zeros(length * scale)
            for span in spans(length, tile, overlap, multiple):
                total[span.low * scale : span.high * scale] += weights(span, scale)
            np.testing.assert_allclose(total, 1, atol=1e-6, err_msg=f"{length, tile, overlap}")


def test_tiles_stay_inside_have_one_size_and_overlap_enough() -> None:
    for length, tile, overlap, multiple in CASES:
        found = spans(length, tile, overlap, multiple)
        sizes = {span.stop - span.start for span in found}
        assert len(sizes) == 1
        assert max(sizes) <= tile
        assert found[0].start == 0
        assert found[-1].stop == length
        for span in found:
            assert span.start <= span.low < span.high <= span.stop
            assert span.rise + span.fall <= span.high - span.low
        for before, after in itertools.pairwise(found):
            assert before.stop - after.start >= overlap
            assert before.fall == after.rise > 0


def test_fewer_tiles_would_not_suffice() -> None:
    for length, tile, overlap, multiple in CASES:
        fewer = len(spans(length, tile, overlap, multiple)) - 1
        assert fewer * (tile - overlap) + overlap < length or fewer == 0


@pytest.mark.parametrize("overlap", [0, 33, -1])
def test_an_impossible_overlap_is_refused(overlap: int) -> None:
    with pytest.raises(ValueError, match="overlap"):
        spans(100, 64, overlap)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (50, 200), (131, 77)])
def test_blending_the_tiles_of_a_picture_gives_that_picture(height: int, width: int) -> None:
    picture = np.random.default_rng(1).random((height, width, 3), np.float32)
    whole = picture.repeat(2, axis=0).repeat(2, axis=1)
    bands = blend(
        spans(height, 48, 12),
        spans(width, 48, 12),
        2,
        lambda row, column: picture[row.source, column.source].repeat(2, axis=0).repeat(2, axis=1),
    )
    np.testing.assert_allclose(np.concatenate(list(bands)), whole, atol=1e-6)


def test_differing_tiles_are_blended_without_a_step() -> None:
    shades = iter((0.0, 1.0))
    bands = blend(
        spans(8, 48, 16),
        spans(80, 48, 16),
        2,
        lambda *_: np.full((16, 96, 1), next(shades), np.float32),
    )
    line = np.concatenate(list(bands))[0, :, 0]
    assert line[0] == 0
    assert line[-1] == 1
    assert np.diff(line).max() <= 1 / 32 + 1e-6


def test_rows_are_emitted_as_soon_as_they_are_finished() -> None:
    made: list[int] = []

    def tile(row: Span, column: Span) -> np.ndarray:
        made.append(row.start)
        return np.zeros((row.stop - row.start, column.stop - column.start, 1), np.float32)

    bands = blend(spans(200, 64, 16), spans(30, 64, 16), 1, tile)
    assert len(next(bands)) > 0
    assert made == [0]


def test_the_tile_is_as_large_as_memory_allows() -> None:
    assert largest_tile(10**12, 1000, 192, 32, 32) == 192
    assert largest_tile(1000 * 100 * 100, 1000, 192, 32, 32) == 96
    assert largest_tile(1000 * 31 * 31, 1000, 192, 32, 32) == 0
    assert largest_tile(-5, 1000, 192, 32, 32) == 0
