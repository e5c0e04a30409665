"""Documents as text with places; odd and hostile ones are a sentence."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from studio.formats.documents.child import read_in_child
from studio.formats.documents.document import PART, Document
from studio.formats.documents.read import read_document
from studio.formats.documents.suffixes import SUFFIXES
from studio.protocol import ProblemError
from tests import document_files
from tests.document_files import all_kinds


def read(folder: Path, suffix: str, data: bytes) -> Document:
    path = folder / f"d{suffix}"
    path.write_bytes(data)
    return read_document(path)


def refused(folder: Path, suffix: str, data: bytes) -> str:
    with pytest.raises(ProblemError) as error:
        read(folder, suffix, data)
    assert error.value.problem.kind == "bad_input"
    return str(error.value.problem.message)


def test_every_kind_is_read_with_its_places(tmp_path: Path) -> None:
    found = {}
    for suffix, data in all_kinds().items():
        document = read(tmp_path, suffix, data)
        whole = "\n\n".join(part.text for part in document.parts)
        for part in document.parts:
            assert whole[part.start : part.start + len(part.text)] == part.text
        found[suffix] = (document.place, [(part.title, part.text) for part in document.parts])
    assert found == {
        ".txt": ("part", [("", "The fox sleeps.\n\n狐狸睡了。")]),
        ".md": (
            "section",
            [
                ("One", "# One\n\nText of one.\n\n```\n# no heading\n```"),
                ("第二节", "## 第二节\n狐狸。"),
            ],
        ),
        ".html": (
            "section",
            [
                ("First", "First\n\nA & b\nThe fox sleeps.\n\n1\t2"),
                ("第二节", "第二节\n\nx  y\n狐狸睡了。"),
            ],
        ),
        ".srt": ("time", [("00:00:01", "Hello fox\n42")]),
        ".pdf": ("page", [("", "The fox sleeps."), ("", "Page two")]),
        ".docx": (
            "section",
            [("", "Before all headings."), ("第一章", "第一章\n狐狸睡了。\nprice\t42")],
        ),
        ".pptx": (
            "slide",
            [("The fox", "The fox\nAbout The fox"), ("狐狸", "狐狸\nAbout 狐狸\n\nSay it slowly")],
        ),
        ".epub": ("chapter", [("One", "One\n\nThe fox."), ("二", "二\n狐狸。")]),
    }
    assert set(found) <= set(SUFFIXES)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "gb18030", "utf-16"])
def test_a_text_in_any_common_encoding_is_read(tmp_path: Path, encoding: str) -> None:
    text = "从前有一只狐狸，它住在山里，每天都要出去找东西吃。"
    assert read(tmp_path, ".txt", text.encode(encoding)).parts[0].text == text


def test_a_long_text_is_divided_between_sentences(tmp_path: Path) -> None:
    text = "The fox sleeps in the den. " * 2_000
    parts = read(tmp_path, ".txt", text.encode()).parts
    assert len(parts) > 15
    assert all(len(part.text) <= PART and part.text.endswith("den.") for part in parts)


def test_pages_without_text_are_counted_and_a_scan_is_said(tmp_path: Path) -> None:
    assert read(tmp_path, ".pdf", document_files.pdf("One", "", "Three")).unreadable == 1
    assert "pictures of its pages" in refused(tmp_path, ".pdf", document_files.pdf("", ""))


def bomb(name: str, size: int) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, b" " * size)
    return file.getvalue()


def test_what_is_damaged_protected_or_a_bomb_is_a_sentence(tmp_path: Path) -> None:
    encrypted = document_files.pdf("a").replace(
        b"trailer<<",
        b"trailer<</Encrypt<</Filter/Standard/V 1/R 2/P -4/O<"
        + b"00" * 32
        + b">/U<"
        + b"11" * 32
        + b">>>/ID[<00><00>]",
    )
    assert "protected" in refused(tmp_path, ".pdf", encrypted)
    rights = document_files.epub({"META-INF/rights.xml": "<rights/>"})
    assert "protected" in refused(tmp_path, ".epub", rights)
    for suffix in (".docx", ".pptx", ".epub"):
        assert "unpacks" in refused(tmp_path, suffix, bomb("word/document.xml", 100_000_000))
    for suffix in (".docx", ".pptx", ".epub", ".pdf"):
        assert "damaged" in refused(tmp_path, suffix, b"no such file")
        assert "damaged" in refused(tmp_path, suffix, all_kinds()[suffix][:-200])
    assert "no text" in refused(tmp_path, ".txt", b" \n")
    assert "cannot be read" in str(_missing(tmp_path))
    assert "not a document" in refused(tmp_path, ".exe", b"MZ")


def _missing(folder: Path) -> str:
    with pytest.raises(ProblemError) as error:
        read_document(folder / "gone.pdf")
    return str(error.value.problem.message)


def test_entities_and_deep_markup_of_a_book_are_refused_or_read(tmp_path: Path) -> None:
    entities = '<!DOCTYPE a [<!ENTITY x "y">]><container>&x;</container>'
    assert "damaged" in refused(tmp_path, ".epub", document_files.epub(container=entities))
    deep = ("<div>" * 100_000 + "fox").encode()
    assert read(tmp_path, ".html", deep).parts[0].text == "fox"


def test_a_macro_in_a_document_is_not_looked_at(tmp_path: Path) -> None:
    file = io.BytesIO(document_files.docx())
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("word/vbaProject.bin", b"\xd0\xcf\x11\xe0" * 100)
    assert read(tmp_path, ".docx", file.getvalue()).parts[-1].title == "第一章"


def test_a_reader_in_a_process_of_its_own_answers_and_is_ended_at_its_limits(
    tmp_path: Path,
) -> None:
    path = tmp_path / "d.txt"
    path.write_text("狐狸")
    assert read_in_child(path) == read_document(path)
    with pytest.raises(ProblemError, match="gone"):
        read_in_child(tmp_path / "gone.txt")
    path.write_text("狐狸 " * 6_000_000)
    with pytest.raises(ProblemError) as error:
        read_in_child(path, max_seconds=0.0)
    assert error.value.problem.kind == "bad_input"
    with pytest.raises(ProblemError) as error:
        read_in_child(path, is_cancelled=lambda: True)
    assert error.value.problem.kind == "cancelled"
