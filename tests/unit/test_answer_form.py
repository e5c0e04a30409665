"""The form of an answer is checked where it is given, and divides the answer into cells."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from studio.formats.chat.answer_form import MAX_FORM_LENGTH, cells_of, columns_of, schema_error
from studio.jobs.table import read_table
from studio.jobs.text_files import text_or_file
from studio.kinds.text import KIND, TextRequest
from studio.protocol import ProblemError

SCHEMA = '{"type": "object", "properties": {"name": {}, "n": {}, "tags": {}, "no": {}}}'


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        ("{", "not valid JSON"),
        ("[]", "must be a JSON object"),
        ('{"a":' * 100_000, "not valid JSON"),
        ('{"items":' * 70 + "{}" + "}" * 70, "too large"),
        (json.dumps({"enum": list(range(30_000))}), "too large"),
        ('{"items": {"$ref": "https://example.org/a.json"}}', "example.org/a.json, which is not"),
        ('{"multipleOf": 1000003}', "multipleOf must be at most"),
    ],
)
def test_what_is_wrong_with_a_schema_is_said_before_anything_runs(schema: str, reason: str) -> None:
    error = schema_error(schema)
    assert error is not None and reason in str(error)
    found = dict(KIND.check(TextRequest(prompt="x", schema=schema)))
    assert found == {"schema": error}


def test_an_answer_has_one_form_and_no_stop_sequences() -> None:
    both = TextRequest(prompt="x", schema=SCHEMA, regex="a")
    assert [name for name, _ in KIND.check(both)] == ["regex"]
    cut = TextRequest(prompt="x", regex="a", stop=("b",))
    assert [name for name, _ in KIND.check(cut)] == ["stop"]
    assert not list(KIND.check(TextRequest(prompt="x", schema=SCHEMA)))


def test_an_answer_is_divided_by_the_properties_of_its_schema() -> None:
    assert columns_of(SCHEMA) == ("name", "n", "tags", "no")
    answer = (
        '<think>hm</think>\n{"name": "狐狸, a", "n": 1.5, "tags": ["x"], "no": null, "more": 1}'
    )
    cells = {"name": "狐狸, a", "n": "1.5", "tags": '["x"]', "no": ""}
    assert cells_of(SCHEMA, answer) == cells
    for other in ("", "{", "[1]", '{"name": "cut'):
        assert cells_of(SCHEMA, other) == {}
    for schema in ("", "{", "{}", '{"properties": []}'):
        assert columns_of(schema) == ()


def test_a_table_names_a_schema_by_text_by_file_or_as_an_object(tmp_path: Path) -> None:
    (tmp_path / "form.json").write_text(SCHEMA, "utf-8-sig")
    quoted = SCHEMA.replace('"', '""')
    (tmp_path / "t.csv").write_text(
        f'task,prompt,schema\ntext,a,form.json\ntext,b,"{quoted}"\ntext,c,none.json\n', "utf-8"
    )
    table = read_table(tmp_path / "t.csv")
    assert [row.request for row in table.rows] == [
        TextRequest(prompt="a", schema=SCHEMA),
        TextRequest(prompt="b", schema=SCHEMA),
    ]
    (error,) = table.errors
    assert (error.line, error.column) == (4, "schema")
    assert "none.json cannot be read" in str(error.message)
    (tmp_path / "t.jsonl").write_text(f'{{"task":"text","prompt":"a","schema":{SCHEMA}}}\n')
    (row,) = read_table(tmp_path / "t.jsonl").rows
    assert isinstance(row.request, TextRequest)
    assert json.loads(row.request.schema) == json.loads(SCHEMA)


def test_a_file_that_is_too_long_or_no_text_is_refused(tmp_path: Path) -> None:
    long = tmp_path / "long.json"
    long.write_text("狐" * 1_000_000, "utf-8")
    assert len(text_or_file(str(long), MAX_FORM_LENGTH)) == MAX_FORM_LENGTH + 1
    (tmp_path / "t.csv").write_text("task,prompt,schema\ntext,a,long.json\n", "utf-8")
    (error,) = read_table(tmp_path / "t.csv").errors
    assert str(error.message) == f"schema must have at most {MAX_FORM_LENGTH} characters."
    (tmp_path / "no.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ProblemError, match="not UTF-8"):
        text_or_file("no.json", 100, tmp_path)
    with pytest.raises(ProblemError, match="cannot be read"):
        text_or_file("a\0b", 100, tmp_path)
    with pytest.raises(ProblemError, match="cannot be read"):
        text_or_file(str(tmp_path), 100)
