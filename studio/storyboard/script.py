"""Reads a script into shots: a table in Markdown, JSON, a table file, or plain paragraphs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from studio.formats.text_encoding import decode
from studio.formats.untrusted_files import printable, read_start
from studio.jobs.table_cells import RowError, read_cells
from studio.kinds.film import Motion
from studio.protocol import ProblemError, Sentence, problem, sentence
from studio.storyboard.board import MAX_SECONDS, MAX_SHOTS, BoardShot, shot_problems

MAX_BYTES = 4 * 2**20
_MAX_ROWS = 4 * MAX_SHOTS
"""With those that are left out."""
_COLUMNS = {
    "picture": (
        "picture image visual visuals scene frame description 画面 图片 画面内容 镜头内容 图像"
    ),
    "voice": (
        "voice voiceover voice-over narration narrator words spoken speech text line dialogue audio"
        " 旁白 台词 解说 配音 文案 对白 口播 字幕"
    ),
    "seconds": "seconds second secs sec time length duration s 秒数 秒 时长 时间 长度",
    "motion": "camera motion movement move 镜头 运镜 机位 镜头运动",
    "file": "file 文件 图片文件",
}
_NAMES = {name: field for field, names in _COLUMNS.items() for name in names.split()}
_MOTIONS: tuple[tuple[str, Motion], ...] = (
    (r"zoom(s|ing)? out|pull|dolly out|拉", "out"),
    (r"zoom|push|dolly|推", "in"),
    (r"still|static|fixed|none|静|固定", "none"),
    (r"left|左", "left"),
    (r"pan|right|track|摇|移|跟|右", "right"),
    (r"down|降|下", "down"),
    (r"tilt|up|crane|升|上", "up"),
)
_NUMBER = re.compile(r"\d{1,4}(?:\.\d{1,3})?")
_CLOCK = re.compile(r"(\d{1,2}):(\d\d)")
_FENCE = re.compile(r"^[ \t]*```\w*[ \t\r]*$", re.MULTILINE)
_RULE = re.compile(r"[\s|:]*-[\s|:\-]*")
_HEADING = re.compile(r"#{1,6}\s+(.{1,200})")
_FRONT_MATTER = re.compile(r"\A---\r?\n.*?\n---\r?\n", re.DOTALL)
_CELL = re.compile(r"(?<!\\)\|")
_LABEL = re.compile(r"^\s*(?:[-*•]|\d{1,3}[.、)])\s+")


class Script(Struct, frozen=True):
    """What was read: a title if there is one, the shots, and what was left out."""

    title: str
    shots: tuple[BoardShot, ...]
    notes: tuple[Sentence, ...] = ()


def read_script(path: Path) -> Script:
    """Return the shots in a file. Raises `ProblemError` (bad_input)."""
    try:
        data = read_start(path, MAX_BYTES + 1)
    except OSError as error:
        raise problem(
            "bad_input",
            "{path} cannot be read ({reason}).",
            str(error),
            path=printable(str(path)),
            reason=error.strerror or str(error),
        ) from error
    if len(data) > MAX_BYTES:
        raise problem(
            "bad_input",
            "{path} is too large for a script. Divide it into parts.",
            path=printable(str(path)),
        )
    if path.suffix.lower() in (".csv", ".tsv", ".jsonl", ".xlsx"):
        _, cells = read_cells(path)
        return _checked(path.stem, _table_rows(cells), path.name, path.parent)
    decoded = decode(data)
    if decoded is None:
        raise problem("bad_input", "{path} is not a text file.", path=printable(str(path)))
    return parse_script(decoded.text, path.stem, path.name, path.parent)


def parse_script(text: str, title: str = "", name: str = "", folder: Path | None = None) -> Script:
    """Return the shots in a text: JSON, a Markdown table, or else a shot for each paragraph.

    `name` is said where there are none; pictures of one's own lie in `folder`. Raises
    `ProblemError` (bad_input).
    """
    body = _FRONT_MATTER.sub("", text)
    headings = (found[1].strip() for line in body.splitlines() if (found := _HEADING.match(line)))
    title = next(headings, title)
    rows = _json_rows(body)
    if rows is None:
        rows = _markdown_rows(body)
    if rows is None:
        rows = _paragraph_rows(body)
    return _checked(title, rows, name, folder)


def _checked(
    title: str, rows: Iterable[Mapping[str, Any]], name: str, folder: Path | None
) -> Script:
    shots: list[BoardShot] = []
    notes: list[Sentence] = []
    for number, row in enumerate(rows, 1):
        shot = _shot(row, folder)
        if shot.picture or shot.voice or shot.file:
            shots.append(shot)
        else:
            notes.append(
                sentence(
                    "Shot {number} is left out: it has no picture and no words.", number=number
                )
            )
        if len(shots) > MAX_SHOTS or number > _MAX_ROWS:
            raise problem(
                "bad_input",
                "There are more than {most} shots. Divide the script into parts.",
                most=MAX_SHOTS,
            )
    if not shots:
        raise problem(
            "bad_input",
            "There are no shots in {name}. Write a table with the columns Picture, Voice and "
            "Seconds, or a paragraph for each shot.",
            name=name or "?",
        )
    for _, message in shot_problems(shots):
        raise ProblemError(problem("bad_input", "{message}", message=message).problem)
    return Script(title[:200], tuple(shots), tuple(notes))


def _left_out(number: int) -> Sentence:
    return sentence("Shot {number} is left out: it has no picture and no words.", number=number)


def _shot(row: Mapping[str, Any], folder: Path | None) -> BoardShot:
    fields: dict[str, str] = {}
    for column, value in row.items():
        field = _NAMES.get(str(column).strip().strip("*_").lower())
        if field is not None and isinstance(value, str | int | float):
            fields.setdefault(field, " ".join(str(value).split()))
    file = fields.get("file", "")
    if file and folder is not None:
        file = str(folder / file)
    return BoardShot(
        picture=_plain(fields.get("picture", "")),
        voice=_plain(fields.get("voice", "")),
        seconds=_seconds(fields.get("seconds", "")),
        motion=_motion(fields.get("motion", "")),
        file=file,
    )


def _plain(text: str) -> str:
    """Return a cell without marks of Markdown and the quotation marks around it."""
    text = re.sub(r"<br\s*/?>", " ", text).replace("\\|", "|").replace("**", "").strip()
    if text in ("-", "—", "–", "/"):
        return ""
    if len(text) > 1 and (text[0], text[-1]) in (('"', '"'), ("“", "”"), ("「", "」")):
        return text[1:-1].strip()
    return text


def _seconds(text: str) -> float:
    clock = _CLOCK.search(text)
    if clock is not None:
        return min(MAX_SECONDS, int(clock[1]) * 60 + float(clock[2]))
    number = _NUMBER.search(text)
    return min(MAX_SECONDS, float(number[0])) if number is not None else 0.0


def _motion(text: str) -> Motion:
    return next((motion for words, motion in _MOTIONS if re.search(words, text.lower())), "auto")


def _table_rows(
    cells: Iterable[tuple[int, dict[str, Any] | RowError]],
) -> Iterator[Mapping[str, Any]]:
    for line, row in cells:
        if isinstance(row, RowError):
            raise problem("bad_input", "line {line}: {message}", line=line, message=row.message)
        yield row


def _json_rows(text: str) -> list[Mapping[str, Any]] | None:
    """Return the rows of a JSON document, None if it is something else."""
    body = _FENCE.sub("", text).strip()
    if not body.startswith(("{", "[")):
        return None
    try:
        found = msgspec.json.decode(body.encode("utf-8", "replace"))
    except (msgspec.DecodeError, RecursionError):
        return None
    if isinstance(found, dict):
        found = next((value for value in found.values() if isinstance(value, list)), [])
    return [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []


def _markdown_rows(text: str) -> list[Mapping[str, Any]] | None:
    """Return the rows of all tables that have columns of a storyboard, None if there is none."""
    rows: list[Mapping[str, Any]] | None = None
    columns: list[str] | None = None
    for line in text.splitlines():
        if line.strip().count("|") < 1:
            columns = None
            continue
        cells = [cell.strip() for cell in _CELL.split(line.strip().strip("|"))]
        if columns is None:
            known = {_NAMES.get(cell.strip("*_ ").lower()) for cell in cells}
            columns = cells if known & {"picture", "voice", "file"} else []
            if columns:
                rows = rows or []
        elif rows is not None and columns and not _RULE.fullmatch(line):
            rows.append(dict(zip(columns, cells, strict=False)))
    return rows


def _paragraph_rows(text: str) -> list[Mapping[str, Any]]:
    """Return a row for each paragraph, whose words are spoken and shown."""
    parts = re.split(r"\n\s*\n|\n(?=\s*(?:[-*•]|\d{1,3}[.、)])\s)", _FENCE.sub("", text))
    words = (_LABEL.sub("", " ".join(part.split())) for part in parts)
    return [
        {"picture": word[:200], "voice": word}
        for word in words
        if re.search(r"\w", word) and not _HEADING.match(word)
    ]
