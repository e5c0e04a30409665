"""Which turns of a conversation are sent when it exceeds the context window."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from studio.formats.chat.context_window import context_length, cut_turns, prompt_budget


def counting(lengths: list[int], fixed: int) -> tuple[list[int], Callable[[int], int]]:
    asked: list[int] = []

    def count(first: int) -> int:
        asked.append(first)
        return fixed + sum(lengths[first:])

    return asked, count


def test_a_conversation_that_fits_is_sent_completely() -> None:
    cut = cut_turns(lambda first: 90 if first == 0 else 0, ["user", "assistant"], 200, 50)
    assert (cut.first, cut.tokens, cut.room, cut.fits) == (0, 90, 50, True)


def test_the_oldest_turns_are_dropped_first_and_in_pairs() -> None:
    _, count = counting([30] * 6, 20)
    cut = cut_turns(count, ["user", "assistant"] * 3, 150, 50)
    assert (cut.first, cut.tokens, cut.room, cut.fits) == (4, 80, 50, True)


def test_all_earlier_turns_may_be_dropped() -> None:
    _, count = counting([30] * 2, 95)
    cut = cut_turns(count, ["user", "assistant"], 150, 50)
    assert (cut.first, cut.tokens) == (2, 95)


def test_a_long_prompt_takes_room_reserved_for_the_answer() -> None:
    _, count = counting([30] * 2, 120)
    cut = cut_turns(count, ["user", "assistant"], 150, 50)
    assert (cut.first, cut.tokens, cut.room, cut.fits) == (2, 120, 30, True)


@pytest.mark.parametrize(("alone", "fits"), [(134, True), (135, False), (4000, False)])
def test_a_prompt_without_room_for_an_answer_does_not_fit(alone: int, fits: bool) -> None:
    cut = cut_turns(lambda _: alone, [], 150, 50)
    assert cut.fits is fits
    assert cut.tokens == alone


def test_a_short_answer_reserves_little_room() -> None:
    assert cut_turns(lambda _: 148, [], 150, 2).fits


def test_a_long_answer_reserves_half_the_context_at_most() -> None:
    assert prompt_budget(8192, 512) == 8192 - 512
    assert prompt_budget(2048, 32_768) == 1024


def test_hundreds_of_turns_need_few_token_counts() -> None:
    asked, count = counting([10] * 1000, 20)
    cut = cut_turns(count, ["user", "assistant"] * 500, 800, 100)
    assert cut.tokens <= 700 < cut.tokens + 20
    assert len(asked) < 15


def test_without_a_limit_nothing_is_cut() -> None:
    cut = cut_turns(lambda _: 10**6, ["user"] * 4, None, 77)
    assert (cut.first, cut.room, cut.fits) == (0, 77, True)


@pytest.mark.parametrize(
    ("config", "context"),
    [
        ({"max_position_embeddings": 4096}, 4096),
        ({"n_positions": 1024}, 1024),
        ({"text_config": {"max_position_embeddings": 32}, "n_ctx": 5}, 32),
        ({"hidden_size": 5}, None),
        ({"max_position_embeddings": "many"}, None),
    ],
)
def test_the_context_is_read_from_the_configuration(
    config: dict[str, object], context: int | None
) -> None:
    assert context_length(config) == context
