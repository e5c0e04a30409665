"""Sizes for reading, and sentences about unexpected errors."""

from __future__ import annotations

import pytest

from studio.protocol import MAX_SEED, readable_size, seed_of_row, unexpected


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1 kB"),
        (97_400_000, "97 MB"),
        (999_499_999, "999 MB"),
        (999_500_000, "1.0 GB"),
        (1_440_000_000, "1.4 GB"),
        (64_400_000_000, "64.4 GB"),
        (2_000_000_000_000, "2.0 TB"),
        (5_000_000_000_000_000, "5000.0 TB"),
    ],
)
def test_a_size_is_shown_in_the_largest_unit_that_fits(size: int, text: str) -> None:
    assert readable_size(size) == text


def test_an_unexpected_error_is_summarised_in_one_line_with_its_traceback_as_detail() -> None:
    try:
        raise KeyError("a\nkey " + 400 * "x")
    except KeyError as error:
        problem = unexpected(error)
    assert problem.kind == "bug"
    name = str(problem.message.values["name"])
    assert "KeyError: 'a\\nkey" in name
    assert len(name) == 300
    assert 400 * "x" in problem.detail
    assert "Traceback" in problem.detail


def test_an_error_without_a_message_is_shown_by_its_type() -> None:
    assert unexpected(ZeroDivisionError()).message.values == {"name": "ZeroDivisionError"}


def test_seeds_wrap_around_to_zero() -> None:
    assert [seed_of_row(MAX_SEED, row) for row in (0, 1, 2)] == [MAX_SEED, 0, 1]
    assert seed_of_row(None, 3) == 3
