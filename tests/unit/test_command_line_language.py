"""What the command line prints for a person is in Chinese where the reader's language is Chinese.

What scripts read (`--json`, the names of commands, options and fields) stays English.
"""

from __future__ import annotations

import argparse
import ast
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from studio.cli.columns import columns_of, wrapped
from studio.cli.commands import parser
from studio.cli.language import choose_language, language, language_of_system, tr, translated
from studio.cli.main import run
from studio.kinds.registry import tasks
from studio.protocol import problem, sentence
from studio.settings import default_paths

CLI = Path(__file__).parents[2] / "studio" / "cli"
IS_CHINESE = re.compile("[\u4e00-\u9fff]")
TRANSLATED_CALLS = {"tr", "sentence", "Sentence", "problem"}
NOT_FOR_A_PERSON = {
    "from PySide6.QtWidgets import QApplication; QApplication([]); print('ready')",
    "apt install libegl1 libxkbcommon-x11-0 libxcb-cursor0 libxcb-icccm4 libxcb-keysyms1",
    # What argparse says, which is read and said again.
    "argument (.+?): invalid choice: (.+) \\(choose from (.+)\\)",
    "argument (.+): expected one argument",
    "argument (.+): invalid int value: (.+)",
    "argument (.+): not allowed with argument (.+)",
    "one of the arguments (.+) is required",
    "the following arguments are required: (.+)",
    "invalid choice: ",
    " (choose from ",
    # Details, which are for a report.
    "the output folder is missing",
    "no disk is mounted there, but one was",
}
COMMAND = re.compile(r"studio( \w+)*:? ?")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("STUDIO_HOME", str(tmp_path / "home"))
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    choose_language("")
    yield
    choose_language("")


@pytest.fixture
def in_china(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")


def test_every_text_of_the_command_line_goes_through_its_translation() -> None:
    untranslated = [
        f"{file.name}:{line} {text!r}"
        for file in sorted(CLI.glob("*.py"))
        for line, text in _texts_outside_translations(ast.parse(file.read_text("utf-8")))
        if re.search(r"[a-z]{2,} [a-z]{2,}", text)
        and text not in NOT_FOR_A_PERSON
        and not COMMAND.fullmatch(text)
    ]
    assert not untranslated, "\n".join(untranslated)


def _texts_outside_translations(tree: ast.AST, /) -> Iterator[tuple[int, str]]:
    """Yield the strings of a module but for its docstrings and what is translated."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            continue
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in TRANSLATED_CALLS:
            continue
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value
        yield from _texts_outside_translations(node)


@pytest.mark.usefixtures("in_china")
def test_the_help_of_every_option_and_command_is_chinese() -> None:
    helps = dict(_helps(parser()))
    assert len(helps) > 150
    assert not [f"{name}: {help}" for name, help in helps.items() if not IS_CHINESE.search(help)]


def _helps(of: argparse.ArgumentParser) -> Iterator[tuple[str, str]]:
    if of.description:
        yield of.prog, of.description
    for action in of._actions:
        if isinstance(action, argparse._SubParsersAction):
            for choice in action._choices_actions:
                yield f"{of.prog} {choice.dest}", str(choice.help)
            for each in dict.fromkeys(action.choices.values()):
                yield from _helps(each)
        elif action.help:
            yield f"{of.prog} {'/'.join(action.option_strings) or action.dest}", action.help


@pytest.mark.usefixtures("in_china")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["bogus"], "studio: 'bogus' 不是命令。请选择"),
        (["text"], "studio text: 请指定 -p/--prompt 或 --file。请参阅 studio text --help。"),
        (["queue", "cancel", "a", "--all"], "studio queue cancel: --all 和 ID 不能同时使用。"),
        (["serve", "--port", "x"], "studio serve: --port 'x' 无效：必须是整数。"),
        (["models", "add"], "studio models add: 缺少 PATH。"),
        (["text", "-p", "a", "-n", "0"], "studio text: -n '0' 无效：该值 必须是不小于 1 的整数。"),
        (
            ["batch", "/no/such.csv"],
            "studio batch: 无法读取表格 /no/such.csv：没有这个文件或文件夹。",
        ),
        (["--language", "en", "bogus"], "studio: 'bogus' is not a command."),
    ],
)
def test_what_is_wrong_with_a_call_is_said_in_chinese(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments, lambda: 0) == 2
    assert capsys.readouterr().err.startswith(said)


@pytest.mark.usefixtures("in_china")
@pytest.mark.parametrize("task", tasks()[:1])
def test_json_is_english_where_the_text_for_a_person_is_chinese(
    task: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([task, "-p", "a", "-n", "0", "--json"], lambda: 0) == 2
    printed = capsys.readouterr()
    assert IS_CHINESE.search(printed.err)
    failed, done = map(json.loads, printed.out.splitlines())
    assert failed["message"] == "-n '0' is not valid: it must be a whole number of at least 1."
    assert done["event"] == "done"


@pytest.mark.usefixtures("in_china")
def test_doctor_speaks_chinese_in_columns(capsys: pytest.CaptureFixture[str]) -> None:
    run(["doctor"], lambda: 0)
    lines = capsys.readouterr().out.splitlines()
    memory = next(line for line in lines if "内存" in line)
    assert memory.startswith(("ok 内存", "!! 内存"))
    starts = {
        columns_of(line[: line.index(text)])
        for line in lines
        for text in ("共 ", "可用 ")
        if text in line and "共" not in line[: line.index(text)]
    }
    assert starts == {20}


def test_the_setting_decides_before_the_locale_and_the_call_before_both(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert language() == "en"
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    assert language() == "zh_CN"
    settings = default_paths().settings
    settings.parent.mkdir(parents=True)
    settings.write_text('{"version": 1, "language": "en"}', "utf-8")
    assert language() == "en"
    choose_language("zh_CN")
    assert language() == "zh_CN"


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh_CN"),
        ({"LANG": "zh_CN.GB18030", "LC_MESSAGES": "en_US.UTF-8"}, "en"),
        ({"LANG": "en_US.UTF-8", "LC_ALL": "zh_TW.UTF-8"}, "zh_CN"),
        ({"LANG": "de_DE.UTF-8", "LC_ALL": ""}, "en"),
    ],
)
def test_the_locale_is_read_as_posix_reads_it(environment: dict[str, str], expected: str) -> None:
    assert language_of_system(environment, "linux") == expected


def test_a_sentence_in_a_sentence_and_the_reason_of_the_system_are_translated() -> None:
    choose_language("zh_CN")
    inner = sentence("{option} needs a value.", option="-n")
    assert tr("Note: {message}", message=inner) == "注意：-n 需要一个值。"
    failed = problem("bad_input", "{path} cannot be read ({reason}).", path="a", reason="timed out")
    assert translated(failed.problem.message) == "无法读取 a（超时）。"
    assert str(failed.problem.message) == "a cannot be read (timed out)."


def test_chinese_lines_are_broken_by_their_columns_and_never_before_a_closing_mark() -> None:
    text = "在未单独给出时，如何改变模型（例如 SmolLM2）自带的设置：偏向最可能的词（0 到 5）。"
    for width in range(12, 60):
        lines = wrapped(text, width)
        assert all(columns_of(line) <= width for line in lines)
        assert all(line[0] not in "，。：）" and line[-1] != "（" for line in lines)
        assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert wrapped("one two three", 7) == ["one two", "three"]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="fcitx is for Linux")
def test_doctor_says_how_fcitx_is_reached(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("QT_IM_MODULE", "fcitx")
    run(["doctor"], lambda: 0)
    assert "fcitx, reached through IBus" in capsys.readouterr().out
