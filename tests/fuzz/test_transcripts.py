"""Transcripts: words with their times, in files and in the corrections beside results."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import strategies as st

from studio.formats.sounds.lyrics import FORMATS, TimedLine, TimedWord, cues_of, from_lrc, to_lrc
from studio.library.recipes.corrections import FOLDER, correction_of, keep_correction
from tests.fuzz.bounds import bounded
from tests.fuzz.inputs import ODD_TEXT, damaged, fuzz

_LRC = to_lrc(
    [
        TimedLine((TimedWord("Hello", 0.5, 0.9), TimedWord("there.", 1.0, 1.4))),
        TimedLine((TimedWord("狐", 61.0, 61.2), TimedWord("狸", 61.2, 61.4, joined=True))),
    ]
)
_PLAIN = "[ti:Song]\n[00:01.00]First line\n[59:59.999] last <&> line\n"


def read(root: Path, data: bytes) -> None:
    (root / FOLDER).mkdir(exist_ok=True)
    (root / FOLDER / "1-0.lrc").write_bytes(data)

    def call() -> None:
        lines = correction_of(root, "1", 0)
        for line in lines:
            assert line.words and line.text.strip()
            assert "".join(cue.text for cue in cues_of(line)).split() is not None
        for write in FORMATS.values():
            write(lines).encode("utf-8")
        keep_correction(root, "1", 0, lines)
        again = correction_of(root, "1", 0)
        assert from_lrc(to_lrc(again)) == again

    bounded("transcript", root, call)


@fuzz(150, data=damaged((_LRC.encode(), _PLAIN.encode(), _LRC.encode() * 20)))
def test_a_damaged_transcript_is_read_as_far_as_it_goes(tmp_path: Path, data: bytes) -> None:
    read(tmp_path, data)


@fuzz(
    120,
    lines=st.lists(
        st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 99), ODD_TEXT), max_size=4),
        max_size=3,
    ),
)
def test_odd_words_and_times_are_read_as_far_as_they_go(
    tmp_path: Path, lines: list[list[tuple[int, int, str]]]
) -> None:
    rows = [
        "[00:00.00]" + "".join(f"<{minute}:{second}>{word}" for minute, second, word in line)
        for line in lines
    ]
    read(tmp_path, "\n".join(rows).encode("utf-8", "replace"))


_LARGE = {
    "a time of five digits": "[00:01.00]<9999:99>a<9999:99>b",
    "stamps": "[00:01.00]" + "<00:01.00>" * 30_000,
    "words in a line": "[00:01.00]" + "<00:01.00>a " * 8_000,
    "brackets": "[" * 500_000,
    "digits": "[" + "0" * 500_000,
    "lines": "[00:01.00]\n" * 50_000,
    "a long word": "[00:01.00]" + "狐" * 200_000,
    "line ends of all kinds": "[00:01.00]a\r\n\r\x85\u2028" * 3_000,
}


@pytest.mark.parametrize("text", _LARGE.values(), ids=_LARGE)
def test_a_large_odd_transcript_is_read_as_far_as_it_goes(tmp_path: Path, text: str) -> None:
    read(tmp_path, text.encode())
