"""Texts exported as Markdown, HTML, docx, PDF and subtitles, with the marks they must carry."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from docx import Document

from studio.library.review import REVIEW_LABEL, REVIEW_REQUIRED, Review
from studio.settings import Settings
from studio.ui.workspaces.text.export.marks import Marks, marks_of
from studio.ui.workspaces.text.export.write_file import write
from studio.ui.workspaces.text.export.writing import Part, Writing
from studio.writing.editing.script_times import script_lines, script_pictures

TEXT = "# 标题\n\n一段**粗体**文字。\n\n| a | b |\n|---|---|\n| 1 | <b>raw</b> |\n"

pytestmark = pytest.mark.usefixtures("qapp")


def written(tmp_path: Path, suffix: str, marks: Marks) -> Path:
    path = tmp_path / f"x{suffix}"
    write(Writing("A <title>", (Part("", TEXT, is_markdown=True),), marks), path)
    return path


@pytest.mark.parametrize("visible", [False, True])
def test_every_format_has_the_label_in_its_metadata_and_the_notes_in_sight(
    tmp_path: Path, visible: bool
) -> None:
    settings = Settings(aigc_visible=visible, aigc_producer="A --> B")
    marks = marks_of(settings, "job-0", TEXT, {REVIEW_LABEL: REVIEW_REQUIRED}, None)
    said = "本文由人工智能（AI）生成。"
    for suffix in (".md", ".html"):
        text = written(tmp_path, suffix, marks).read_text("utf-8")
        assert "ContentProducer" in text and "job-0" in text
        assert (said in text) == visible
        assert "Not reviewed yet" in text
    assert (tmp_path / "x.md").read_text("utf-8").count("-->") == 1
    file = written(tmp_path, ".docx", marks)
    lines = [paragraph.text for paragraph in Document(str(file)).paragraphs]
    assert (said in lines) == visible and any("Not reviewed yet" in line for line in lines)
    with zipfile.ZipFile(file) as parts:
        custom = parts.read("docProps/custom.xml").decode()
    assert "ContentProducer" in custom and "needs_review" in custom
    data = written(tmp_path, ".pdf", marks).read_bytes()
    assert data.startswith(b"%PDF-") and b"ContentProducer" in data
    assert b"trainedAlgorithmicMedia" in data


def test_what_the_review_says_is_in_the_text() -> None:
    needed = {REVIEW_LABEL: REVIEW_REQUIRED}
    settings = Settings()

    def notes(labels: dict[str, str], review: Review | None) -> tuple[str, ...]:
        return marks_of(settings, "", "text", labels, review).notes

    assert "Not reviewed" in notes(needed, None)[0]
    assert "rejected" in notes(needed, Review("rejected"))[0]
    assert notes(needed, Review("approved", "Ann", "2026-01-02T00:00"))[0].endswith(
        "by Ann, 2026-01-02"
    )
    assert notes({}, None) == ()


def test_a_script_with_seconds_becomes_subtitles() -> None:
    table = (
        "说明\n\n| 镜号 | 画面 | 旁白 | 秒数 |\n| --- | --- | --- | --- |\n"
        "| 1 | 山 | 先拔掉扎进去的东西。再打气！ | 4 |\n"
        "| 2 | 河 |  | 2秒 |\n| 3 | 海 | 路上见 | 3 |\n"
    )
    lines = script_lines(table)
    assert [line.text for line in lines] == ["先拔掉扎进去的东西。", "再打气！", "路上见"]
    assert lines[0].start == 0 and lines[1].end == 4
    assert (lines[2].start, lines[2].end) == (6, 9)
    english = "| Shot | Voice | Seconds |\n|---|---|---|\n| 1 | Hello \\| you. | 2.5 |\n| x | y |\n"
    assert [line.text for line in script_lines(english)] == ["Hello | you."]
    assert script_pictures(table) == ("山", "河", "海") and script_pictures("| 画面 |") == ()
    assert script_lines("no table") == () and script_lines("| a | b |\n|---|---|\n| 1 | 2 |") == ()
    assert len(script_lines("| Voice | Seconds |\n" + "| a, | 1 |\n" * 50_000)) < 5000
