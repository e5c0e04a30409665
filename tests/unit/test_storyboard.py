"""Storyboards: scripts of many forms become shots, and files of them are never lost."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from studio.library.store import Library
from studio.protocol import ProblemError
from studio.storyboard.board import Board, BoardShot, with_seeds
from studio.storyboard.board_files import BoardFiles, id_of_script
from studio.storyboard.production import (
    Shown,
    enqueue,
    film_of,
    latest_parts,
    missing_parts,
    parts_of,
)
from studio.storyboard.script import parse_script, read_script
from studio.storyboard.sheets import Cell, write_contact_sheet, write_pdf

ENGLISH = """---
recipe: something
---
# A day

Some words before.

| Shot | Picture | Voice | Seconds | Camera |
| --- | :-- | --- | --- | --- |
| 1 | A **red** apple | "Eat an apple \\| or two." | 4 s | zoom in |
| 2 | - | - | 3 | |
| 3 | A bicycle | | 0:05 | pan left |
"""
CHINESE = "| 镜号 | 画面 | 旁白 | 秒数 |\n|---|---|---|---|\n| 1 | 红苹果 | “吃苹果。” | 3 |\n"
JSON = """```json
{"shots": [{"picture": "A girl finds a radio", "camera": "zoom out", "seconds": 6},
           {"picture": "The radio", "camera": "still", "seconds": 2}]}
```"""


def test_a_markdown_table_becomes_shots_and_an_empty_one_is_said() -> None:
    script = parse_script(ENGLISH)
    assert script.title == "A day"
    assert script.shots == (
        BoardShot("A red apple", "Eat an apple | or two.", 4.0, "in"),
        BoardShot("A bicycle", "", 5.0, "left"),
    )
    assert "Shot 2" in str(script.notes[0])


def test_chinese_tables_and_what_the_forms_write_are_read() -> None:
    assert parse_script(CHINESE).shots == (BoardShot("红苹果", "吃苹果。", 3.0),)
    first, second = parse_script(JSON).shots
    assert (first.motion, first.seconds, second.motion) == ("out", 6.0, "none")


def test_a_table_file_names_pictures_of_ones_own(tmp_path: Path) -> None:
    table = tmp_path / "a.csv"
    table.write_text("file,narration,time\nmine.png,Hello,2.5\n", "utf-8")
    (shot,) = read_script(table).shots
    assert (shot.file, shot.voice, shot.seconds) == (str(tmp_path / "mine.png"), "Hello", 2.5)


def test_paragraphs_and_lists_are_shots_where_there_is_no_table() -> None:
    script = parse_script("# Title\n\nThe sun rises.\n\n1. A bird sings.\n2. We wake up.")
    assert [shot.voice for shot in script.shots] == [
        "The sun rises.",
        "A bird sings.",
        "We wake up.",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "There are no shots"),
        ("\n---\n***\n", "There are no shots"),
        ("| Picture | Voice |\n|---|---|\n", "There are no shots"),
        ('{"shots": []}', "There are no shots"),
        ("x" * 200_000, "characters"),
        ("| Picture |\n|---|\n" + "| " + "y" * 200_000 + " |\n", "characters"),
        ("| Voice |\n|---|\n" + "| hello |\n" * 501, "more than 500"),
        ("[" * 100_000, "There are no shots"),
    ],
)
def test_what_is_no_script_is_said(text: str, said: str) -> None:
    with pytest.raises(ProblemError, match=said):
        parse_script(text)


def test_files_that_are_no_text_are_said(tmp_path: Path) -> None:
    file = tmp_path / "a.md"
    with pytest.raises(ProblemError, match="cannot be read"):
        read_script(file)
    file.write_bytes(bytes(range(256)) * 50)
    with pytest.raises(ProblemError):
        read_script(file)


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library.open(tmp_path / "library")


def test_a_storyboard_is_kept_and_a_damaged_one_is_set_aside(library: Library) -> None:
    files = BoardFiles(library.root)
    assert files.ids() == []
    files.write("a", Board(title="一天", shots=(BoardShot("apple"),)))
    board = files.read("a")
    assert board is not None and board.shots == (BoardShot("apple"),)
    assert files.ids() == ["a"]
    (files.folder / "a.json").write_text('{"shots": 3}', "utf-8")
    with pytest.raises(ProblemError, match=r"a\.json is damaged"):
        files.read("a")
    assert files.read("a") is None
    assert len(list(files.folder.glob("a.damaged-*.json"))) == 1
    library.close()


def test_one_process_at_a_time_makes_a_storyboard(library: Library) -> None:
    files = BoardFiles(library.root)
    with files.making("a"), pytest.raises(ProblemError, match="Another process"):
        files.making("a").__enter__()
    with files.making("a"):
        pass
    library.close()


def test_equal_parts_are_asked_for_once_and_known_again(library: Library) -> None:
    shots = (BoardShot("apple", "Hello"), BoardShot("apple", "Hello"), BoardShot("pear", "…"))
    parts = parts_of(Board(shots=shots)).all()
    assert len(parts) == 3
    assert len(enqueue(library, "a", missing_parts(library, parts, {}))) == 3
    known = latest_parts(library, "a")
    assert missing_parts(library, parts, known) == []
    assert missing_parts(library, parts, latest_parts(library, "b")) == parts
    library.close()


def test_a_shot_without_a_picture_shows_the_one_before(tmp_path: Path) -> None:
    board = Board(shots=(BoardShot("a"), BoardShot("", "Words"), BoardShot("b")))
    one, two = tmp_path / "1.png", tmp_path / "2.png"
    film = film_of(board, [Shown({}, one), Shown(), Shown({}, two)])
    request = film.request
    assert [shot.picture for shot in request.shots] == [0, 0, 1]  # type: ignore[attr-defined]
    with pytest.raises(ProblemError, match="No shot has a picture"):
        film_of(board, [Shown(), Shown(), Shown()])


def test_pictures_have_seeds_of_their_own_and_an_id_follows_the_script() -> None:
    shots = with_seeds([BoardShot("a"), BoardShot("b")], 7, 4)
    assert [shot.seed for shot in shots] == [7, 11]
    assert id_of_script(b"a", "x") != id_of_script(b"a", "y")


def test_sheets_hold_any_number_of_shots_and_long_texts(tmp_path: Path) -> None:
    picture = tmp_path / "1.png"
    Image.new("RGB", (30, 60), "red").save(picture)
    cells = [Cell(picture, "3 s", "words " * 500), Cell(None, "", "很长的一句话" * 300)] * 7
    pdf, sheet = tmp_path / "a.pdf", tmp_path / "a.png"
    write_pdf("Title " * 100, cells, pdf)
    assert pdf.read_bytes().count(b"/Type /Page\n") == 3
    write_contact_sheet("", [*cells, Cell(tmp_path / "gone.png", "", "x" * 9000)] * 20, sheet)
    with Image.open(sheet) as image:
        assert image.width < 2000
    write_pdf("", [], pdf)
