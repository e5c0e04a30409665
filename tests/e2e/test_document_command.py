"""`studio text --document` and `studio documents`: answers from files, with their sources."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from tests.document_files import pdf
from tests.e2e.conftest import CommandResult
from tests.unit.model_files import write_llama

Studio = Callable[..., CommandResult]


def test_an_answer_names_the_page_and_the_recipe_keeps_the_passage(
    studio: Studio, tmp_path: Path
) -> None:
    write_llama(tmp_path / "home" / "models" / "tiny")
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "report.pdf").write_bytes(
        pdf(*(f"Page {n} is about number {n}." for n in range(40)), "The lighthouse is red.")
    )
    (folder / "broken.docx").write_bytes(b"no")
    call = ("text", "-p", "What colour is the lighthouse?", "--document", str(folder))
    made = studio(*call, fake="plain")
    assert made.status == 0, made.err
    assert "broken.docx is damaged" in made.err
    assert "report.pdf: 1 of 41 pages" in made.err
    assert "report.pdf, page 41" in made.out
    (asset,) = studio(*call, "--json", fake="plain").named("asset")
    assert asset["sources"][0]["text"] == "The lighthouse is red."
    assert "The lighthouse is red." in Path(asset["path"]).read_text("utf-8")
    added = studio("documents", "add", str(folder), "--name", "Reports")
    assert (added.status, added.out.split("\t")[:2]) == (1, ["Reports", "1"])
    found = studio("documents", "search", "lighthouse colour", "--json")
    assert json.loads(found.out.splitlines()[0])["part"] == 41
    missing = studio("text", "-p", "a", "--collection", "none")
    assert (missing.status, "no collection" in missing.err) == (2, True)
    scan = tmp_path / "scan.pdf"
    scan.write_bytes(pdf("", ""))
    refused = studio("text", "-p", "a", "--document", str(scan))
    assert (refused.status, "OCR" in refused.err) == (2, True)
