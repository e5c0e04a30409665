"""Corrected words keep the times of what is still there, and get others from what is beside."""

from __future__ import annotations

import pytest

from studio.formats.sounds.corrected import corrected
from studio.formats.sounds.lyrics import TimedLine, TimedWord


def line(text: str, start: float) -> TimedLine:
    words = (TimedWord(word, start + at, start + at + 0.9) for at, word in enumerate(text.split()))
    return TimedLine(tuple(words))


LINES = (line("My grandmother bakes bred", 0), line("two pairs please", 10), line("bye", 20))


def test_a_changed_word_keeps_its_place_and_the_other_lines_are_untouched() -> None:
    new = corrected(LINES, "My grandmother bakes bread\ntwo pairs please\nbye")
    assert [each.text for each in new] == ["My grandmother bakes bread", "two pairs please", "bye"]
    assert new[1:] == LINES[1:]
    assert [word.start for word in new[0].words] == [0, 1, 2, 3]
    assert new[0].words[-1].end == pytest.approx(3.9)


def test_lines_are_joined_split_and_left_out() -> None:
    joined = corrected(LINES, "My grandmother bakes bred two pears please\nbye")
    assert [word.start for word in joined[0].words] == [0, 1, 2, 3, 10, 11, 12]
    split = corrected(LINES, "My grandmother\nbakes bred\ntwo pairs please\nbye")
    assert [(each.text, each.start) for each in split[:2]] == [
        ("My grandmother", 0),
        ("bakes bred", 2),
    ]
    assert corrected(LINES, "two pairs please") == (LINES[1],)
    assert corrected(LINES, " \n ") == ()


def test_words_that_are_deleted_and_typed_again_get_their_times_back() -> None:
    text = "\n".join(each.text for each in LINES)
    emptied = corrected(LINES, "")
    assert emptied == () and corrected(LINES, text) == LINES
    again = corrected(LINES, "My grandmother bakes bread\ntwo pairs please\ngood night")
    assert again[1] == LINES[1]
    assert (again[2].start, again[2].end) == (LINES[2].start, LINES[2].end)


def test_new_words_lie_between_their_neighbours() -> None:
    new = corrected(LINES, "My dear old grandmother bakes bred\ntwo pairs please\nbye\nand more")
    starts = [word.start for each in new for word in each.words]
    assert starts == sorted(starts)
    assert 0.9 <= new[0].words[1].start <= new[0].words[2].start <= 1
    assert new[-1].text == "and more"
    assert corrected((), "from nothing")[0].text == "from nothing"


def test_chinese_is_divided_into_letters_and_long_texts_take_no_time() -> None:
    (new,) = corrected([line("今天我们学习", 0)], "今天我们学习AI。好 吗")
    assert new.text == "今天我们学习AI。好 吗"
    assert [word.text for word in new.words] == [
        "今",
        "天",
        "我",
        "们",
        "学",
        "习",
        "AI。",
        "好",
        "吗",
    ]
    whole = [line("one two three four", at * 5) for at in range(5000)]
    typed = "\n".join(each.text.upper() for each in whole)
    found = corrected(whole, typed)
    assert len(found) == 5000 and found[-1].end == pytest.approx(whole[-1].end)
