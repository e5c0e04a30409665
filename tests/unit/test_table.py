"""Tables of requests: any usual encoding, every error named by line and column."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from studio.jobs.table import read_table
from studio.kinds.image import ImageRequest
from studio.kinds.requests import prompt_of
from studio.kinds.text import TextRequest
from studio.kinds.upscale import UpscaleRequest
from studio.protocol import Adapter, ProblemError

CSV = "task,prompt,seed,product\ntext,写一句 {{product}},7,自行车\nimage,a fox,8,\n"


def written(path: Path, content: str | bytes) -> Path:
    data = content if isinstance(content, bytes) else content.encode()
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030", "utf-16"])
def test_a_table_is_read_in_any_common_encoding(tmp_path: Path, encoding: str) -> None:
    table = read_table(written(tmp_path / "t.csv", CSV.encode(encoding)))
    assert table.errors == ()
    first, second = table.rows
    assert first.request == TextRequest(prompt="写一句 自行车", seed=7)
    assert (first.line, first.labels) == (2, {"product": "自行车"})
    assert second.request == ImageRequest(prompt="a fox", seed=8)


CELLS = {
    "gb18030": "写一句关于自行车的话，不要太长",
    "big5": "請寫一個關於貓的故事，不要太長",
    "shift-jis": "赤い自転車についての詩を書いてください",
    "euc-jp": "赤い自転車についての詩を書いてください",
    "euc-kr": "자전거에 대한 짧은 이야기를 써 주세요",
    "windows-1252": "Écris un poème très court sur l’été à Besançon",
}


@pytest.mark.parametrize("encoding", CELLS)
def test_encodings_of_spreadsheets_are_recognised(tmp_path: Path, encoding: str) -> None:
    data = f"task,prompt\ntext,{CELLS[encoding]}\n".encode(encoding)
    table = read_table(written(tmp_path / "t.csv", data))
    assert (table.encoding, table.encoding_is_certain) == (encoding, True)
    assert table.first_cells == ("text", CELLS[encoding])
    assert prompt_of(table.rows[0].request) == CELLS[encoding]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_needs_no_byte_order_mark(tmp_path: Path, encoding: str) -> None:
    table = read_table(written(tmp_path / "t.csv", CSV.encode(encoding)))
    assert (len(table.rows), table.encoding, table.encoding_is_certain) == (2, "utf-16", True)


def test_an_encoding_that_is_not_certain_is_said_and_can_be_chosen(tmp_path: Path) -> None:
    file = written(tmp_path / "t.csv", "task,prompt\ntext,블랙\n".encode("euc-kr"))
    assert not read_table(file).encoding_is_certain
    chosen = read_table(file, "EUC-KR")
    assert (prompt_of(chosen.rows[0].request), chosen.encoding_is_certain) == ("블랙", True)
    for wrong in ("utf-8", "base64", "klingon"):
        with pytest.raises(ProblemError, match=wrong.upper() if wrong == "utf-8" else wrong):
            read_table(file, wrong)


def test_one_damaged_character_does_not_make_utf_8_another_encoding(tmp_path: Path) -> None:
    data = "task,prompt\ntext,写一句关于自行车的话，不要太长\n".encode()
    table = read_table(written(tmp_path / "t.csv", data[:-2]))
    assert (table.encoding, table.encoding_is_certain) == ("utf-8", False)
    assert prompt_of(table.rows[0].request).startswith("写一句关于自行车的话，不要太")


@pytest.mark.parametrize("sign", [",", ";", "\t"])
def test_any_delimiter_of_spreadsheets_is_recognised(tmp_path: Path, sign: str) -> None:
    content = CSV.replace(",", sign)
    assert len(read_table(written(tmp_path / "t.csv", content)).rows) == 2


@pytest.mark.parametrize("line", ["sep=;", '"sep=;"'])
def test_a_first_line_of_excel_names_the_delimiter(tmp_path: Path, line: str) -> None:
    table = read_table(written(tmp_path / "t.csv", f"{line}\r\ntask;prompt\r\ntext;a, b\r\n"))
    assert [(row.line, prompt_of(row.request)) for row in table.rows] == [(3, "a, b")]


def test_a_quoted_cell_may_hold_commas_and_lines(tmp_path: Path) -> None:
    table = read_table(written(tmp_path / "t.csv", 'task,prompt\ntext,"a, b\nc"\ntext,d\n'))
    assert [row.line for row in table.rows] == [2, 4]
    assert isinstance(table.rows[0].request, TextRequest)
    assert table.rows[0].request.prompt == "a, b\nc"


def test_json_lines_keep_their_types_and_nested_labels(tmp_path: Path) -> None:
    line = '{"task":"image","prompt":"x","width":512,"tags":["a"],"steps":null}\n\n'
    (row,) = read_table(written(tmp_path / "t.jsonl", line)).rows
    assert row.request == ImageRequest(prompt="x", width=512)
    assert row.labels == {"tags": '["a"]'}


def test_json_lines_may_name_adapters(tmp_path: Path) -> None:
    line = '{"task":"image","prompt":"x","adapters":[{"model":"ink","weight":0.5},{"model":"b"}]}\n'
    (row,) = read_table(written(tmp_path / "t.jsonl", line)).rows
    assert row.request == ImageRequest(prompt="x", adapters=(Adapter("ink", 0.5), Adapter("b")))
    assert row.labels == {}


@pytest.mark.parametrize("name", ["a.png", "~nobody-at-all/a.png"])
def test_a_picture_is_found_beside_the_table(tmp_path: Path, name: str) -> None:
    file = written(tmp_path / "t.csv", f"task,input,scale\nupscale,{name},4\n")
    (row,) = read_table(file).rows
    assert isinstance(row.request, UpscaleRequest)
    assert row.request.input.path == str(tmp_path / name)


@pytest.mark.parametrize("character", ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c"])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_json_lines_end_at_line_feeds_only(
    tmp_path: Path, character: str, ending: str, encoding: str
) -> None:
    # JSON allows the first three raw in strings; the control characters below 0x20 it does not.
    line = f'{{"task":"text","prompt":"a{character}b"}}{ending}'
    table = read_table(written(tmp_path / "t.jsonl", (2 * line).encode(encoding)))
    if character < " ":
        assert [error.line for error in table.errors] == [1, 2]
    else:
        assert [prompt_of(row.request) for row in table.rows] == [f"a{character}b"] * 2


def test_joined_json_lines_may_have_byte_order_marks_within(tmp_path: Path) -> None:
    line = '\ufeff{"task":"text","prompt":"x"}\n'
    assert len(read_table(written(tmp_path / "t.jsonl", 3 * line)).rows) == 3


def test_lines_of_a_csv_may_end_in_carriage_returns(tmp_path: Path) -> None:
    table = read_table(written(tmp_path / "t.csv", "task,prompt\rtext,a\rtext,b\r"))
    assert [(row.line, prompt_of(row.request)) for row in table.rows] == [(2, "a"), (3, "b")]


@pytest.mark.parametrize(
    ("cell", "stop"),
    [
        ("END", ("END",)),
        ('"one\ntwo\n"', ("one", "two")),
        ('"[""\\n\\n"", ""[x""]"', ("\n\n", "[x")),
        ("[x", ("[x",)),
    ],
)
def test_a_cell_may_list_several_texts(tmp_path: Path, cell: str, stop: tuple[str, ...]) -> None:
    (tmp_path / "t.csv").write_text(f"task,prompt,stop\ntext,x,{cell}\n", "utf-8")
    (row,) = read_table(tmp_path / "t.csv").rows
    assert row.request == TextRequest(prompt="x", stop=stop)


def test_a_table_with_too_many_columns_is_refused(tmp_path: Path) -> None:
    names = ",".join(f"c{n}" for n in range(50_000))
    with pytest.raises(ProblemError, match="50001 columns"):
        read_table(written(tmp_path / "t.csv", f"task,{names}\ntext\n"))
    keys = ",".join(f'"c{n}":1' for n in range(2_000))
    (error,) = read_table(written(tmp_path / "t.jsonl", f'{{"task":"text",{keys}}}')).errors
    assert "2001 values" in str(error.message)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes in the file system")
def test_a_pipe_or_a_device_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "t.csv")
    for path in (tmp_path / "t.csv", Path("/dev/zero"), tmp_path):
        with pytest.raises(ProblemError, match="cannot be read"):
            read_table(path)


@pytest.mark.parametrize(
    ("content", "line", "column"),
    [
        ("task,prompt\ntext,\n", 2, "prompt"),
        ("task,prompt\npaint,x\n", 2, "task"),
        ("task,prompt,count\ntext,ok,1\ntext,x,0\n", 3, "count"),
        ("task,prompt,width\nimage,x,wide\n", 2, "width"),
        ("task,prompt\ntext,{{gone}}\n", 2, "prompt"),
        ("task,prompt\ntext,a,b,c\n", 2, ""),
        ("task,scale\nupscale,2\n", 2, "input"),
    ],
)
def test_errors_are_named_by_line_and_column(
    tmp_path: Path, content: str, line: int, column: str
) -> None:
    (error,) = read_table(written(tmp_path / "t.csv", content)).errors
    assert (error.line, error.column) == (line, column)
    assert str(error.message)


@pytest.mark.parametrize(("header", "near"), [("promt", "promt"), ("product", None)])
def test_a_misspelt_column_is_suggested_where_a_required_one_is_missing(
    tmp_path: Path, header: str, near: str | None
) -> None:
    (error,) = read_table(written(tmp_path / "t.csv", f"task,{header}\ntext,a\n")).errors
    assert (error.column, error.message.values.get("near")) == ("prompt", near)


def test_every_error_is_listed(tmp_path: Path) -> None:
    table = read_table(written(tmp_path / "t.csv", "task,prompt\nx,a\ntext,\ny,b\ntext,c\n"))
    assert [error.line for error in table.errors] == [2, 3, 4]
    assert [row.line for row in table.rows] == [5]


@pytest.mark.parametrize(
    "content", ["", "\n", "prompt\nx\n", "task,prompt,prompt\ntext,a,b\n", "task,prompt\n"]
)
def test_a_file_that_is_no_table_of_requests_is_refused(tmp_path: Path, content: str) -> None:
    with pytest.raises(ProblemError, match=r"t\.csv"):
        read_table(written(tmp_path / "t.csv", content))


def test_fifty_thousand_rows_are_read(tmp_path: Path) -> None:
    content = "task,prompt\n" + "".join(f"text,number {n}\n" for n in range(50_000))
    assert len(read_table(written(tmp_path / "t.csv", content)).rows) == 50_000


def test_a_table_with_too_many_rows_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("studio.jobs.table.MAX_ROWS", 3)
    content = "task,prompt\n" + "text,x\n" * 4
    with pytest.raises(ProblemError, match="more than 3 rows"):
        read_table(written(tmp_path / "t.csv", content))
    assert len(read_table(written(tmp_path / "t.csv", content[:-7])).rows) == 3


@pytest.mark.parametrize("line", ["{", "[1]", "[" * 5000])
def test_a_line_that_is_no_json_object_is_an_error_of_that_line(tmp_path: Path, line: str) -> None:
    table = read_table(written(tmp_path / "t.jsonl", f'{line}\n{{"task":"text","prompt":"x"}}\n'))
    assert ([e.line for e in table.errors], len(table.rows)) == ([1], 1)


def test_a_column_with_the_name_of_what_no_cell_can_hold_is_a_label(tmp_path: Path) -> None:
    table = read_table(written(tmp_path / "t.csv", "task,prompt,sources\ntext,a,a book\n"))
    assert table.errors == ()
    assert table.rows[0].labels == {"sources": "a book"}
