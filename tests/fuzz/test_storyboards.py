"""Scripts of storyboards in every form, and the files that storyboards are kept in."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import strategies as st

from studio.formats.spreadsheet import sheet_bytes
from studio.protocol import ProblemError
from studio.storyboard.board import Board, BoardShot, with_seeds
from studio.storyboard.board_files import BoardFiles
from studio.storyboard.production import Shown, film_request, parts_of
from studio.storyboard.script import Script, read_script
from tests.fuzz.bounds import bounded
from tests.fuzz.inputs import ODD_TEXT, ODD_VALUE, damaged, fuzz

_MARKDOWN = """---
recipe: something
---
# A day 一天

Some words before.

| Shot | Picture | Voice | Seconds | Camera |
| --- | :-- | --- | --- | --- |
| 1 | A **red** apple | "Eat an apple \\| or two." | 4 s | zoom in |
| 2 | - | - | 3 | |
| 3 | A bicycle | | 0:05 | pan left |
"""
_CHINESE = "| 镜号 | 画面 | 旁白 | 秒数 |\n|---|---|---|---|\n| 1 | 红苹果 | “吃苹果。” | 3 |\n"
_PARAGRAPHS = "# Title\n\nFirst shot.\n\n- Second\n- Third\n\n1. Fourth\n2、第五\n"
_JSON = """```json
{"shots": [{"picture": "A girl finds a radio", "camera": "zoom out", "seconds": 6},
           {"picture": "The radio", "voice": "Listen.", "camera": "still", "file": "a.png"}]}
```"""
_CSV = "picture,voice,seconds,camera,file\na fox,Hello,4,zoom in,\n,狐狸,0:03,,fox.png\n"
_TEXTS = tuple(
    text.encode(encoding, "replace")
    for text in (_MARKDOWN, _CHINESE, _PARAGRAPHS, _JSON)
    for encoding in ("utf-8", "utf-16", "gb18030")
)
_COLUMNS = ("picture", "voice", "seconds", "camera", "file", "画面", "Shot", "", "a")


def read(path: Path, data: bytes) -> None:
    path.write_bytes(data)

    def call() -> Script:
        script = read_script(path)
        for note in script.notes:
            assert str(note)
        shots = with_seeds(script.shots, 2**31 - 1, 8)
        parts = parts_of(Board(title=script.title, shots=shots))
        assert len(parts.pictures) == len(parts.voices) == len(script.shots)
        return script

    bounded("script of a storyboard", path.parent, call, ProblemError)


@fuzz(150, data=damaged(_TEXTS), suffix=st.sampled_from((".md", ".txt", ".json")))
def test_a_damaged_script_is_shots_or_a_sentence(tmp_path: Path, data: bytes, suffix: str) -> None:
    read(tmp_path / f"script{suffix}", data)


@fuzz(80, data=damaged((_CSV.encode(), _CSV.encode("gb18030"), _CSV.encode("utf-16"))))
def test_a_damaged_table_is_shots_or_a_sentence(tmp_path: Path, data: bytes) -> None:
    read(tmp_path / "script.csv", data)


@fuzz(40, data=damaged((sheet_bytes([["picture", "seconds"], ["a fox", "3.5"]])[0],)))
def test_a_damaged_workbook_is_shots_or_a_sentence(tmp_path: Path, data: bytes) -> None:
    read(tmp_path / "script.xlsx", data)


@fuzz(
    120,
    rows=st.lists(st.dictionaries(st.sampled_from(_COLUMNS), ODD_VALUE, max_size=5), max_size=4),
    suffix=st.sampled_from((".json", ".jsonl")),
)
def test_odd_values_are_shots_or_a_sentence(
    tmp_path: Path, rows: list[dict[str, object]], suffix: str
) -> None:
    lines = [json.dumps(row) for row in rows]
    text = f"[{','.join(lines)}]" if suffix == ".json" else "\n".join(lines)
    read(tmp_path / f"script{suffix}", text.encode())


@fuzz(
    120,
    names=st.lists(st.sampled_from(_COLUMNS), min_size=1, max_size=5),
    rows=st.lists(st.lists(ODD_TEXT, max_size=5), max_size=4),
    is_table=st.booleans(),
)
def test_odd_cells_are_shots_or_a_sentence(
    tmp_path: Path, names: list[str], rows: list[list[str]], is_table: bool
) -> None:
    if is_table:
        file = io.StringIO()
        csv.writer(file).writerows([names, *rows])
        read(tmp_path / "script.csv", file.getvalue().encode("utf-8", "replace"))
        return
    lines = [names, ["---"] * len(names), *rows]
    text = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    read(tmp_path / "script.md", text.encode("utf-8", "replace"))


_LARGE = {
    "columns": f"| Picture {'| a ' * 50_000}|\n|---|\n| x {'| y' * 50_000} |\n",
    "rows": "| Picture |\n| --- |\n" + "| a fox |\n" * 30_000,
    "bars": "|" * 500_000,
    "escaped bars": "| Picture |\n|---|\n| " + "\\|" * 200_000,
    "empty lines": "\n \n" * 150_000,
    "blanks": " " * 500_000,
    "stars": "*" * 500_000,
    "breaks": "<br" + " " * 400_000,
    "headings": "# a\n" * 100_000,
    "front matter left open": "---\n" * 100_000,
    "fences": "```\n" * 100_000,
    "digits": "| Picture | Seconds |\n|---|---|\n| a | " + "9" * 400_000 + " |",
    "a long clock": "| Picture | Seconds |\n|---|---|\n| a | " + "9" * 9_000 + ":09 |",
    "a long camera": "| Picture | Camera |\n|---|---|\n| a | " + "zoom " * 90_000 + " |",
    "list signs": "- " * 200_000,
    "one paragraph": "word " * 90_000,
}


@pytest.mark.parametrize("text", _LARGE.values(), ids=_LARGE)
def test_a_large_odd_script_is_shots_or_a_sentence(tmp_path: Path, text: str) -> None:
    read(tmp_path / "script.md", text.encode())
    read(tmp_path / "script.csv", text.encode())


_BOARD = msgspec.json.encode(
    Board(
        title="A day 一天",
        shots=(BoardShot("a fox", "Hello.", 3.0, "in", 7, 1), BoardShot("狐狸", file="/a.png")),
        look="3d style",
        variations=2,
        picture_options={"width": 64},
        film_options={"width": 1280, "sound": {"path": "/music.mp3"}},
    )
)
_SHOT_FIELDS = BoardShot.__struct_fields__
_BOARD_FIELDS = Board.__struct_fields__


def read_as_board(root: Path, data: bytes) -> None:
    files = BoardFiles(root)
    files.folder.mkdir(exist_ok=True)
    (files.folder / "board.json").write_bytes(data)

    def call() -> None:
        board = files.read("board")
        assert board is not None
        assert "board" in files.ids()
        shown = [Shown() for _ in board.shots]
        for work in (
            lambda: parts_of(board),
            lambda: film_request(board, shown, [root] * len(shown)),
        ):
            try:
                work()
            except ProblemError as error:
                assert str(error.problem.message)
        files.write("board", board)
        again = files.read("board")
        assert again is not None
        assert msgspec.structs.replace(again, used=board.used) == board

    bounded("storyboard", root, call, ProblemError)
    for aside in files.folder.glob("*damaged*"):
        aside.unlink()


@fuzz(150, data=damaged((_BOARD,)))
def test_a_damaged_storyboard_is_read_or_set_aside(tmp_path: Path, data: bytes) -> None:
    read_as_board(tmp_path, data)


@fuzz(
    120,
    fields=st.dictionaries(st.sampled_from(_BOARD_FIELDS), ODD_VALUE, max_size=4),
    shots=st.lists(
        st.dictionaries(st.sampled_from(_SHOT_FIELDS), ODD_VALUE, max_size=3), max_size=3
    ),
    options=st.dictionaries(
        st.sampled_from(("width", "fps", "fade", "sound", "format", "task", "prompt", "shots")),
        ODD_VALUE,
        max_size=3,
    ),
)
def test_an_odd_storyboard_is_read_or_set_aside(
    tmp_path: Path,
    fields: dict[str, object],
    shots: list[dict[str, object]],
    options: dict[str, object],
) -> None:
    named = dict.fromkeys(("picture_options", "voice_options", "film_options"), options)
    read_as_board(tmp_path, json.dumps({"shots": shots, **named, **fields}).encode())


def test_a_storyboard_of_any_depth_is_set_aside(tmp_path: Path) -> None:
    for opening in (b"[", b'{"shots":[', b'{"film_options":{"a":', b'{"x":'):
        read_as_board(tmp_path, opening * 5_000)
