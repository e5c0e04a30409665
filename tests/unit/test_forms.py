"""Forms are files that a stranger may have written: they load or are named with their line."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from studio.formats.chat.answer_form import schema_error
from studio.kinds.coding import request_from_fields
from studio.kinds.registry import kinds
from studio.protocol import ProblemError
from studio.settings import RESOURCES
from studio.writing.forms.brand import Brand
from studio.writing.forms.fill import fill
from studio.writing.forms.form import Form
from studio.writing.forms.form_folders import FoundForm, find_form, list_brands, list_forms
from studio.writing.forms.readable import readable
from studio.writing.forms.values import items_of, value_errors

BUILT_IN = list_forms(RESOURCES, None)
GOOD = """\
title = "Note"
summary = "A note"
purpose = "work"
task = "text"
prompt = \"\"\"
Write to {{who}}.
Say:
{{points}}
Sign as {{name}}, {{role}}.
\"\"\"

[[fields]]
name = "who"
label = "To"
required = true

[[fields]]
name = "points"
label = "Points"
type = "list"

[[fields]]
name = "name"
label = "Name"

[[fields]]
name = "role"
label = "Role"
"""


def own(folder: Path, text: str, name: str = "note") -> Path:
    path = folder / "templates" / f"{name}.toml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, "utf-8")
    return path


def form_of(folder: Path, text: str = GOOD) -> Form:
    own(folder, text)
    found = list_forms(RESOURCES, folder)
    assert not found.broken
    return find_form(found, "note", ()).form


def examples(form: Form) -> dict[str, str]:
    return {field.name: field.example for field in form.fields}


def test_all_forms_of_the_app_load_and_both_languages_have_the_same_forms() -> None:
    assert not BUILT_IN.broken
    names = {
        language: {each.name for each in BUILT_IN.forms if each.language == language}
        for language in ("en", "zh")
    }
    assert names["en"] <= names["zh"]
    assert len(names["en"]) >= 23
    assert {"xiaohongshu", "moments", "oral-script"} <= names["zh"]


def test_the_schema_beside_the_forms_is_that_of_the_code() -> None:
    written = msgspec.json.decode((RESOURCES / "templates" / "form.schema.json").read_bytes())
    schema = msgspec.json.decode(msgspec.json.encode(msgspec.json.schema(Form)))
    assert written == {**written, **schema}


def test_the_form_in_the_readme_loads(tmp_path: Path) -> None:
    readme = (RESOURCES.parent / "README.md").read_text("utf-8")
    form_of(tmp_path, readme.split("```toml\n")[1].split("```")[0])


@pytest.mark.parametrize("found", BUILT_IN.forms, ids=lambda found: found.id)
def test_a_form_of_the_app_makes_a_request_from_its_own_examples(found: FoundForm) -> None:
    form = found.form
    assert not list(value_errors(form, examples(form)))
    filled = fill(form, examples(form))
    assert "{{" not in filled.prompt + filled.system
    request = request_from_fields(
        {
            "task": form.task,
            "prompt": filled.prompt,
            "system_prompt": filled.system,
            "schema": form.schema.strip(),
            "regex": form.regex,
            **form.settings,
        }
    )
    assert not list(kinds()[form.task].check(request))
    assert not form.schema or schema_error(form.schema.strip()) is None


def test_lines_whose_fields_are_empty_are_left_out_and_values_are_never_filled_again(
    tmp_path: Path,
) -> None:
    form = form_of(tmp_path)
    values = {"who": "{{name}} and Bo", "points": "- one\n2. two", "role": "clerk"}
    assert fill(form, values).prompt == (
        "Write to {{name}} and Bo.\nSay:\n- one\n- two\nSign as , clerk."
    )
    assert fill(form, {"who": "Bo"}).prompt == "Write to Bo."


def test_what_is_missing_or_impossible_in_a_filled_form_is_named(tmp_path: Path) -> None:
    form = form_of(tmp_path)
    assert [name for name, _ in value_errors(form, {"other": "x"})] == ["other", "who"]


@pytest.mark.parametrize(
    ("change", "line", "part"),
    [
        (('label = "To"', 'lable = "To"'), 14, "lable"),
        (('label = "Role"', "label = 5"), 28, "str"),
        (('title = "Note"', "title = "), 1, "TOML"),
        (('title = "Note"\n', ""), 0, "title"),
        (("{{points}}", "{{pionts}}"), 8, "pionts"),
        (('name = "role"', 'name = "name"'), 27, "name"),
        (('name = "role"', 'name = "attempt"'), 27, "attempt"),
        (('name = "role"', 'name = "../x"'), 27, "regex"),
        (('label = "Role"', 'label = "Role"\ntype = "choice"'), 26, "choices"),
        (
            ('[[fields]]\nname = "who"', '[settings]\nprompt = "x"\n[[fields]]\nname = "who"'),
            13,
            "p",
        ),
        (('purpose = "work"', 'purpose = "wrok"'), 3, "wrok"),
    ],
)
def test_a_broken_file_is_named_with_its_line_while_the_others_load(
    tmp_path: Path, change: tuple[str, str], line: int, part: str
) -> None:
    path = own(tmp_path, GOOD.replace(*change, 1), "broken")
    own(tmp_path, GOOD)
    found = list_forms(RESOURCES, tmp_path)
    assert [each.name for each in found.forms if each.is_own] == ["note"]
    assert [(each.path, each.line) for each in found.broken] == [(path, line)]
    assert part in str(found.broken[0].message)
    with pytest.raises(ProblemError, match=f"Line {line}"):
        find_form(found, "broken", ())


def test_hostile_files_are_refused_quickly_and_nothing_in_them_is_run(tmp_path: Path) -> None:
    own(tmp_path, "a = [" * 50_000, "deep")
    own(tmp_path, "a." * 100_000 + "a = 1", "dotted")
    own(tmp_path, f"title = {'9' * 5000}", "digits")
    own(tmp_path, "x" * 2**19, "large")
    (tmp_path / "templates" / "latin.toml").write_bytes(b'title = "\xe9"')
    own(tmp_path, GOOD.replace("Say:", "{{ who.__class__ }}"), "attribute")
    own(tmp_path, GOOD.replace("Say:", "{% x %} {who} %s"), "code")
    own(tmp_path, GOOD.replace("Say:", "{{" + " " * 90_000), "blanks")
    found = list_forms(RESOURCES, tmp_path)
    assert {each.path.stem for each in found.broken} == {
        "attribute",
        "deep",
        "digits",
        "dotted",
        "large",
        "latin",
    }
    filled = fill(find_form(found, "code", ()).form, {"who": "Bo"})
    assert "{% x %} {who} %s" in filled.prompt


def test_ones_own_form_takes_the_place_of_the_apps_and_the_language_is_chosen(
    tmp_path: Path,
) -> None:
    assert find_form(BUILT_IN, "ad-copy", ("zh",)).language == "zh"
    assert find_form(BUILT_IN, "zh/ad-copy", ("en",)).language == "zh"
    assert find_form(BUILT_IN, "ad-copy", ("fr",)).name == "ad-copy"
    own(tmp_path, GOOD, "ad-copy")
    assert find_form(list_forms(RESOURCES, tmp_path), "ad-copy", ("en",)).is_own
    with pytest.raises(ProblemError, match="no form"):
        find_form(BUILT_IN, "no-such", ())


def test_a_brand_is_told_in_the_language_of_the_form_and_is_part_of_the_brief(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "brands"
    folder.mkdir()
    (folder / "acme.toml").write_text(
        'name = "Acme"\ntone = "warm"\navoid = ["cheap"]\nfacts = ["since 1987"]\n', "utf-8"
    )
    (folder / "bad.toml").write_text('name = "Bad"\ntone = 3\n', "utf-8")
    brands = list_brands(tmp_path)
    assert brands.brands == {"acme": Brand("Acme", "warm", avoid=("cheap",), facts=("since 1987",))}
    assert [(each.path.name, each.line) for each in brands.broken] == [("bad.toml", 2)]
    filled = fill(form_of(tmp_path), {"who": "Bo"}, brands.brands["acme"])
    assert filled.system == "Brand: Acme\nTone: warm\nNever use: cheap\nFacts: since 1987"
    assert "since 1987" in filled.brief
    chinese = find_form(BUILT_IN, "zh/letter", ()).form
    assert "品牌：Acme" in fill(chinese, examples(chinese), brands.brands["acme"]).system


@pytest.mark.parametrize(
    ("answer", "shown"),
    [
        ('{"title": "A", "points": ["b", "c"]}', "**title**\n\nA\n\n**points**\n\n- b\n- c"),
        ('{"shots": [{"n": 1, "x": "a|b"}]}', "| n | x |\n| --- | --- |\n| 1 | a\\|b |"),
        ('{"title": "A", "poi', '{"title": "A", "poi'),
        ("{" * 5000, "{" * 5000),
        ("plain [text]", "plain [text]"),
    ],
)
def test_answers_of_a_schema_are_shown_as_text_lists_and_tables(answer: str, shown: str) -> None:
    assert readable(answer) == shown


def test_items_are_lines_without_marks_of_lists() -> None:
    assert items_of("- a\n\n* b\n1. c\n２、d\n3.5 kg") == ["a", "b", "c", "d", "3.5 kg"]
