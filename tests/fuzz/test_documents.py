"""Documents of every kind that can be read."""

from __future__ import annotations

import io
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import msgspec
import pypdf
import pytest

from studio.formats.documents.read import read_document
from studio.protocol import ProblemError
from tests.document_files import all_kinds
from tests.fuzz.bounds import bounded
from tests.fuzz.inputs import damaged, fuzz

_KINDS = all_kinds()
# Looks for its libraries once.
pypdf.PdfReader(io.BytesIO(_KINDS[".pdf"])).pages[0].extract_text()
_PACKED = {
    ".docx": "word/document.xml",
    ".pptx": "ppt/slides/slide1.xml",
    ".epub": "OPS/one.xhtml",
}


def read(path: Path, data: bytes) -> None:
    path.write_bytes(data)

    def call() -> bytes:
        return msgspec.msgpack.encode(read_document(path))

    bounded(f"document{path.suffix}", path.parent, call, ProblemError, forked=True)


def repacked(data: bytes, name: str, content: bytes) -> bytes:
    file = io.BytesIO()
    with ZipFile(io.BytesIO(data)) as whole, ZipFile(file, "w", ZIP_DEFLATED) as archive:
        for each in whole.namelist():
            archive.writestr(each, content if each == name else whole.read(each))
    return file.getvalue()


def inner(suffix: str) -> bytes:
    with ZipFile(io.BytesIO(_KINDS[suffix])) as archive:
        return archive.read(_PACKED[suffix])


@pytest.mark.parametrize("suffix", _KINDS)
def test_a_damaged_document_is_text_or_a_sentence(tmp_path: Path, suffix: str) -> None:
    @fuzz(20, data=damaged((_KINDS[suffix],)))
    def check(data: bytes) -> None:
        read(tmp_path / f"d{suffix}", data)

    check()


@pytest.mark.parametrize("suffix", _PACKED)
def test_a_document_with_a_damaged_part_is_text_or_a_sentence(tmp_path: Path, suffix: str) -> None:
    @fuzz(15, data=damaged((inner(suffix),)))
    def check(data: bytes) -> None:
        read(tmp_path / f"d{suffix}", repacked(_KINDS[suffix], _PACKED[suffix], data))

    check()


_LARGE = {
    "headings": (".md", b"# a\n" * 100_000),
    "hashes": (".md", b"#" * 300_000 + b"\n" + b"# " * 200_000),
    "fences": (".md", b"```\n" * 100_000),
    "tags left open": (".html", b"<div><p><h1>" * 20_000),
    "angle brackets": (".html", b"<" * 200_000),
    "a tag left open": (".html", b"<a " + b'b="' * 100_000),
    "comments left open": (".html", b"<!--" * 50_000),
    "declarations": (".html", b"<![" * 50_000 + b"<!d" * 50_000),
    "scripts": (".html", b"<script>" * 50_000),
    "character references": (".html", b"&#x" * 100_000 + b"&amp" * 50_000),
    "times": (".srt", b"00:00:01,000 --> 00:00:02,000\n" * 30_000),
    "numbers": (".srt", b"1\n" * 300_000),
    "form feeds": (".txt", b"a\f" * 300_000),
    "pages": (".pdf", _KINDS[".pdf"].replace(b"3 0 R", b"3 0 R " * 100)),
}


@pytest.mark.parametrize(("suffix", "data"), _LARGE.values(), ids=_LARGE)
def test_a_large_odd_document_is_text_or_a_sentence(
    tmp_path: Path, suffix: str, data: bytes
) -> None:
    read(tmp_path / f"d{suffix}", data)
