"""Texts exported as Markdown, HTML, docx, PDF and subtitles, with the marks they must carry."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from docx import Document
from pypdf import PdfReader

from studio.kinds.sources import Passage, Source
from studio.library.review import REVIEW_LABEL, REVIEW_REQUIRED, Review, review_state
from studio.settings import Settings
from studio.ui.gallery.references import referenced, referenced_text
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
    marks = marks_of(settings, "job-0", TEXT, "needs_review", None)
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
        return marks_of(settings, "", "text", review_state(review, labels), review).notes

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


def test_an_answer_from_documents_ends_with_its_sources_in_every_format(tmp_path: Path) -> None:
    """Only those that it cites, with file, page and first words; nothing in them is Markdown."""
    passages = (
        Passage(1, 0, 9, "The lighthouse was built in 1871 by *Danish* engineers. " * 9),
        Passage(7, 0, 9, "Other things."),
    )
    sources = (Source("a_b [1].pdf", "0" * 64, "page", 9, passages),)
    found = referenced("Built in 1871. [1]\n\n- a list", sources)
    assert found.text == "Built in 1871. [1]\n\n- a list"
    (line,) = found.lines
    assert line.startswith("[1] a_b [1].pdf, page 1: “The lighthouse was built in 1871 by *Danish*")
    assert line.endswith("…”") and len(line) < 200
    assert len(referenced("No number.", sources).lines) == 2
    assert referenced("x", ()).lines == ()
    assert referenced_text("Tall. [2]", sources).endswith(
        "\n\nSources\n[2] a_b [1].pdf, page 7: “Other things.”"
    )
    part = Part("", found.text, is_markdown=True, sources=found.lines)
    for suffix in (".md", ".html", ".docx", ".pdf"):
        write(Writing("t", (part,), Marks()), tmp_path / f"x{suffix}")
    assert "**Sources**\n\n\\[1\\] a\\_b" in (tmp_path / "x.md").read_text("utf-8")
    page = (tmp_path / "x.html").read_text("utf-8")
    assert "Sources" in page and "by *Danish* engineers" in page
    paragraphs = Document(str(tmp_path / "x.docx")).paragraphs
    assert paragraphs[-1].text == line and paragraphs[-2].text == "Sources"
    assert paragraphs[-1].style is not None and paragraphs[-1].style.name == "Normal"
    printed = PdfReader(tmp_path / "x.pdf").pages[-1].extract_text()
    assert line[:40] in " ".join(printed.split())
