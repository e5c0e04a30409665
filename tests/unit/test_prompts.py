"""Expanding one prompt into many."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from studio.jobs.prompt_alternatives import expand_all
from studio.protocol import ProblemError


@pytest.fixture
def wildcards(tmp_path: Path) -> Path:
    (tmp_path / "animal.txt").write_text("fox\n狐狸\n", encoding="utf-8")
    return tmp_path


def test_every_combination_occurs_once(wildcards: Path) -> None:
    found = expand_all("{red|blue|red} __animal__", wildcards)
    assert sorted(found) == ["blue fox", "blue 狐狸", "red fox", "red 狐狸"]


@pytest.mark.parametrize(
    "prompt",
    [
        "{a|b|c} {a|b|c}",
        "__many__ __many__",
        "{2-9$$__many__}",
        "{1-999999$$__many__}",
        "__nested__",
        "%{{a|b|c} ... $$__many__}",
    ],
)
def test_more_combinations_than_can_be_made_are_refused(wildcards: Path, prompt: str) -> None:
    (wildcards / "many.txt").write_text("".join(f"{n}\n" for n in range(10_000)))
    (wildcards / "nested.txt").write_text("{a|b|c} {a|b|c}\n")
    with pytest.raises(ProblemError, match="at most 5 can be made"):
        expand_all(prompt, wildcards, most=5)


def test_combinations_that_are_alike_count_once(wildcards: Path) -> None:
    assert expand_all("{a|a|{a|b}} {c|c}", wildcards, most=2) == ["a c", "b c"]


@pytest.mark.parametrize(
    ("prompt", "found"),
    [
        ("{2$$ and $$a|b|c}", ["a and b", "a and c", "b and a", "b and c", "c and a", "c and b"]),
        ("{0-1$$a|b}c", ["c", "ac", "bc"]),
        ("{2$$__animal__}", ["fox,狐狸", "狐狸,fox"]),
        ("${x={a|b}}${x} ${x:z} ${y:w}", ["a a w", "a b w", "b a w", "b b w"]),
        ("${x=!{a|b}}${x}", ["a"]),
        ("%{a ... b$${c|d}}", ["a c b", "a d b"]),
        ("__*__ __sub/*__", ["fox c", "fox d", "狐狸 c", "狐狸 d"]),
        ("__colors__ __shirts__ __deep__", ["r s t", "g s t"]),
        ("{@a|b} {1|2|3}", ["a 1", "b 2", "a 3"]),
    ],
)
def test_the_syntax_is_that_of_dynamicprompts(
    wildcards: Path, prompt: str, found: list[str]
) -> None:
    (wildcards / "sub").mkdir()
    (wildcards / "sub" / "colors.json").write_text('["r", {"text": "g", "weight": 2}]')
    (wildcards / "sub" / "clothes.yaml").write_text("shirts: [s]\nbelow: {deep: [t]}\n")
    if "*" in prompt:
        (wildcards / "sub" / "colors.json").write_text('["c", "d"]')
        (wildcards / "sub" / "clothes.yaml").unlink()
        prompt = prompt.replace("__*__", "__anima*__")
    assert sorted(expand_all(prompt, wildcards)) == sorted(found)


def test_what_is_drawn_is_the_same_each_time(wildcards: Path) -> None:
    prompt = "{a|b|c|d|e} {~f|0.5::g|h} {~2$$__animal__|i|j} {~{k|l}|__animal__}"
    found = expand_all(prompt, wildcards)
    assert (len(found), found) == (5, expand_all(prompt, wildcards))


@pytest.mark.parametrize("values", ["", "# none\n", "__animal__\n", "{__other__|__other__}\n"])
@pytest.mark.parametrize(
    "prompt", ["__animal__", "{1-2$$__animal__|y}", "{2$$__animal__}", "{~__animal__|__animal__}"]
)
def test_a_wildcard_without_values_or_within_itself_is_refused(
    tmp_path: Path, values: str, prompt: str
) -> None:
    (tmp_path / "animal.txt").write_text(values)
    (tmp_path / "other.txt").write_text("__animal__\n")
    with pytest.raises(ProblemError, match=r"has no values|contains itself"):
        expand_all(prompt, tmp_path)


@pytest.mark.parametrize("prompt", ["${x=${x}}${x}", "${x=${y}}${y=${x}}${x}", "${x}"])
def test_a_variable_within_itself_or_without_a_value_is_refused(
    tmp_path: Path, prompt: str
) -> None:
    with pytest.raises(ProblemError, match=r"contains itself|has no value"):
        expand_all(prompt, tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="links and pipes need no rights there")
def test_a_wildcard_reads_only_regular_files_within_its_folder(tmp_path: Path) -> None:
    secret = tmp_path / "outside" / "secret.txt"
    secret.parent.mkdir()
    secret.write_text("secret\n")
    folder = tmp_path / "wildcards"
    folder.mkdir()
    (folder / "link.txt").symlink_to(secret)
    (folder / "folder").symlink_to(secret.parent)
    (folder / "loop.txt").symlink_to(folder / "loop.txt")
    (folder / "device.txt").symlink_to("/dev/zero")
    (folder / "a folder.txt").mkdir()
    os.mkfifo(folder / "pipe.txt")
    with (folder / "large.txt").open("wb") as file:
        file.truncate(2**30)
    (folder / "inside.txt").symlink_to(folder / "values.txt")
    (folder / "values.txt").write_text("fox\n")
    names = ("link", "folder/secret", "loop", "device", "a folder", "pipe", "large", "../outside")
    for name in (*names, "/etc/passwd", "../outside/secret", str(secret.with_suffix(""))):
        with pytest.raises(ProblemError, match=r"There is no|cannot be read|too large"):
            expand_all(f"__{name}__", folder)
    assert expand_all("__inside__", folder) == ["fox"]


def test_a_wildcard_may_be_in_any_encoding(tmp_path: Path) -> None:
    (tmp_path / "animal.txt").write_bytes("红色的狐狸\n一只黑色的猫\n小鸟\n".encode("gb18030"))
    assert set(expand_all("__animal__", tmp_path)) == {"红色的狐狸", "一只黑色的猫", "小鸟"}


@pytest.mark.parametrize("prompt", ["{red|blue fox", "__nobody__ runs"])
def test_a_prompt_that_cannot_be_parsed_is_refused_with_a_sentence(
    wildcards: Path, prompt: str
) -> None:
    with pytest.raises(ProblemError) as caught:
        expand_all(prompt, wildcards)
    assert caught.value.problem.kind == "bad_input"
    assert "like {red|blue}," in str(caught.value) or "nobody.txt" in str(caught.value)
