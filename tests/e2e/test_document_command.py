"""`studio text --document` and `studio documents`: answers from files, with their sources."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

from tests.document_files import pdf
from tests.e2e.conftest import CommandResult
from tests.unit.model_files import write_embedder, write_llama

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
    question = "What colour is the lighthouse?"
    # The context of this model is short, that of the starter model is not.
    call = ["text", "-p", question, "--document", str(folder), "--model", "tiny"]
    call += ["--embedder", "none"]
    made = studio(*call, fake="plain")
    assert made.status == 0, made.err
    assert "broken.docx is damaged" in made.err
    assert re.search(r"report.pdf: [1-5] of 41 pages", made.err)
    assert "report.pdf, page 41" in made.out
    (asset,) = studio(*call, "--json", fake="plain").named("asset")
    assert "The lighthouse is red." in [source["text"] for source in asset["sources"]]
    assert "The lighthouse is red." in Path(asset["path"]).read_text("utf-8")
    added = studio("documents", "add", str(folder), "--name", "Reports", "--embedder", "none")
    assert (added.status, added.out.split("\t")[:2]) == (1, ["Reports", "1"])
    found = studio("documents", "search", "lighthouse colour", "--json", "--embedder", "none")
    assert 41 in [json.loads(line)["part"] for line in found.out.splitlines()]
    missing = studio("text", "-p", "a", "--collection", "none")
    assert (missing.status, "no collection" in missing.err) == (2, True)
    scan = tmp_path / "scan.pdf"
    scan.write_bytes(pdf("", ""))
    refused = studio("text", "-p", "a", "--document", str(scan))
    assert (refused.status, "OCR" in refused.err) == (2, True)


def test_a_collection_can_be_the_first_thing_in_a_new_library(
    studio: Studio, tmp_path: Path
) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "notes.txt").write_text("The lighthouse is red.")
    added = studio("documents", "add", tmp_path / "docs", "--embedder", "none")
    assert (added.status, added.err) == (0, "")
    assert studio("documents", "list").out.startswith("docs\t")


def test_documents_are_searched_by_meaning_where_there_is_a_model_for_it(
    studio: Studio, tmp_path: Path
) -> None:
    write_embedder(tmp_path / "home" / "models" / "meaning")
    folder = tmp_path / "docs"
    folder.mkdir()
    # Words of every question are not looked for; the vectors of the fake engine count them.
    (folder / "a.txt").write_text("The lighthouse is red.\n\n" + "It rains. " * 200)
    (folder / "b.txt").write_text("What is that? Who are you?")
    question = ("documents", "search", "what is that lighthouse", "--json")
    studio("documents", "add", str(folder), "--embedder", "none")

    def names(*more: str) -> list[str]:
        found = studio(*question, *more, fake="plain")
        assert (found.status, found.err) == (0, "")
        return [json.loads(line)["name"] for line in found.out.splitlines()]

    assert "b.txt" not in names("--embedder", "none")
    assert "b.txt" in names("--embedder", "meaning")
    # Without a working engine words have to do.
    failed = studio(*question, "--embedder", "meaning", fake="crash")
    assert failed.status == 0
    unknown = studio(*question, "--embedder", "other")
    assert (unknown.status, "searches by meaning" in unknown.err) == (2, True)
