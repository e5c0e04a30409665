"""Retrieval: passages of documents for a question, and which of them an answer rests on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from studio.formats.documents.document import Document
from studio.formats.documents.read import read_document
from studio.jobs.documents.collection_files import collection_files, update_files
from studio.jobs.documents.embedder import (
    Embedder,
    add_vectors,
    choose_embedder,
    passages_without,
)
from studio.jobs.documents.gather import (
    choose_for_request,
    choose_sources,
    document_files,
    read_documents,
)
from studio.kinds.citations import cite, with_numbers
from studio.kinds.coding import request_from_fields, to_json
from studio.kinds.sources import Passage, Source, meter, sources_of, with_sources
from studio.kinds.text import TextRequest
from studio.library.documents.collections import Collections
from studio.library.documents.passage_index import PassageIndex, fused, words_expression
from studio.library.documents.passages import passages_of
from studio.protocol import ModelRef, ModelSource, Problem, ProblemError, problem
from tests import document_files as made

FILLER = "The harbour was quiet, and nobody spoke of anything that mattered. " * 40
FILLER_ZH = "港口很安静，没有人说起什么要紧的事情。" * 120


@pytest.fixture
def index(tmp_path: Path) -> PassageIndex:
    return PassageIndex(tmp_path / "cache" / "documents.sqlite")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()


def written(folder: Path, name: str, text: str) -> Document:
    (folder / name).write_text(text, "utf-8")
    return read_document(folder / name)


def test_passages_cover_a_document_and_lie_where_they_say(tmp_path: Path) -> None:
    for text in (FILLER, FILLER_ZH):
        document = written(tmp_path, "d.txt", text.replace(".", ".\n\n", 3))
        whole = "\n\n".join(part.text for part in document.parts)
        covered = set()
        for passage in passages_of(document):
            assert whole[passage.start : passage.end] == passage.text
            covered |= set(range(passage.start, passage.end))
        assert all(whole[at].isspace() for at in set(range(len(whole))) - covered)


def test_a_short_document_is_given_whole_and_a_long_one_by_passages_that_suit(
    tmp_path: Path, index: PassageIndex
) -> None:
    text = f"{FILLER}\n\nThe lighthouse keeper was called Ole Brandt.\n\n{FILLER}"
    chinese = f"{FILLER_ZH}灯塔看守人名叫陈水生。{FILLER_ZH}"
    documents = [written(tmp_path, "a.txt", text), written(tmp_path, "b.txt", chinese)]
    for document in documents:
        index.add(document)
    whole = choose_sources("anything", documents, index, 100_000)
    assert all(source.is_whole for source in whole)
    for question, name in (
        ("What was the name of the keeper of the lighthouse?", "Ole Brandt"),
        ("灯塔的看守人叫什么名字？", "陈水生"),
    ):
        (found, *_) = choose_sources(question, documents, index, 1_000)
        assert any(name in passage.text for passage in found.passages)
        assert not found.is_whole
        assert found.parts_read < found.parts
    with pytest.raises(ProblemError, match="no room"):
        choose_sources("lighthouse", documents, index, 10)
    with pytest.raises(ProblemError, match="has to do with"):
        choose_sources("zebra", documents, index, 1_000)


def bag_of(*groups: str) -> Embedder:
    """Return an embedder that finds two texts alike which have words of the same group."""

    def embed(texts: Sequence[str], _: bool) -> list[bytes]:
        found = [
            [0.1 + any(word in text for word in group.split()) for group in groups]
            for text in texts
        ]
        return [(np.array(each) / np.linalg.norm(each)).astype("<f4").tobytes() for each in found]

    return Embedder(f"bag {groups}", embed, ("en",))


def test_meaning_finds_what_words_do_not(tmp_path: Path, index: PassageIndex) -> None:
    embedder = bag_of("vessel ship", "harbour")
    document = written(tmp_path, "a.txt", f"{FILLER}\n\nA ship came in.\n\n{FILLER}")
    index.add(document)
    with pytest.raises(ProblemError, match="has to do with"):
        choose_sources("vessel", [document], index, 1_000)
    (found,) = choose_sources("vessel", [document], index, 1_000, embedder)
    assert any("ship" in passage.text for passage in found.passages)
    assert not index.without_vectors([document.sha256], embedder.key)


def test_vectors_are_made_for_what_changed_and_again_by_another_embedder(
    tmp_path: Path, index: PassageIndex
) -> None:
    embedder = bag_of("ship", "harbour")
    text = f"{FILLER}\n\nA ship came in."
    documents = [written(tmp_path, "a.txt", text), written(tmp_path, "b.txt", FILLER[:900])]
    hashes = [document.sha256 for document in documents]
    for document in documents:
        index.add(document)
    waiting = passages_without(hashes, index, embedder)
    reported: list[tuple[int, int]] = []

    def interrupted(done: int, of: int) -> None:
        reported.append((done, of))
        if len(reported) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        add_vectors(hashes, index, replace(embedder, report=interrupted), step=1)
    assert reported == [(1, len(waiting)), (2, len(waiting))]
    # What was done stays.
    assert passages_without(hashes, index, embedder) == waiting[2:]
    add_vectors(hashes, index, embedder)
    assert not passages_without(hashes, index, embedder)
    # A changed document has new passages, whose ids are new: late vectors of old ones are dropped.
    changed = written(tmp_path, "b.txt", FILLER[:800])
    late = index.without_vectors([hashes[1]], "late")
    index.add(changed)
    index.forget(hashes[1])
    index.add_vectors(embedder.key, {id: b"\0" * 8 for id, _ in late})
    assert len(passages_without([changed.sha256], index, embedder)) == 1
    assert not passages_without([hashes[0]], index, embedder)
    other = bag_of("ship", "quiet")
    assert len(passages_without([hashes[0]], index, other)) == len(waiting) - 1
    add_vectors([hashes[0]], index, other)
    # The vectors of the one before make room.
    assert len(passages_without([hashes[0]], index, embedder)) == len(waiting) - 1


def test_an_embedder_is_not_asked_about_languages_that_it_does_not_know(
    tmp_path: Path, index: PassageIndex
) -> None:
    embedder = bag_of("ship", "船")
    document = written(tmp_path, "a.txt", FILLER_ZH + "一艘船进来了。")
    index.add(document)
    add_vectors([document.sha256], index, embedder)
    assert index.without_vectors([document.sha256], embedder.key)
    (found,) = choose_sources("一艘船", [document], index, 1_000, embedder)
    assert any("一艘船" in passage.text for passage in found.passages)


def test_where_the_embedder_fails_words_have_to_do(tmp_path: Path, index: PassageIndex) -> None:
    def broken(_texts: Sequence[str], _: bool) -> list[bytes]:
        raise problem("model_broken", "broken")

    told: list[Problem] = []
    document = written(tmp_path, "a.txt", f"{FILLER}\n\nA ship came in.\n\n{FILLER}")
    index.add(document)
    embedder = Embedder("broken", broken, failed=told.append)
    (found,) = choose_sources("ship", [document], index, 1_000, embedder)
    assert any("ship" in passage.text for passage in found.passages)
    assert [each.kind for each in told] == ["model_broken"]


def test_of_two_rankings_the_tops_and_what_both_find_come_first() -> None:
    assert fused([[1, 2, 3], []]) == [1, 2, 3]
    assert fused([[1, 2, 3], [3, 4]])[0] == 3
    assert set(fused([list(range(40)), list(range(100, 140))])[:4]) == {0, 1, 100, 101}


def test_the_embedder_that_was_added_goes_before_that_of_the_starter() -> None:
    small = ModelRef("small", "Small", "text", "", "", role="embedder")
    starter = replace(small, id="starter", source=ModelSource("starter"))
    writer = replace(small, id="writer", role="base")
    models = [starter, writer, small]
    assert choose_embedder(models) == small
    assert choose_embedder(models, "starter") == starter
    assert choose_embedder(models, "none") is choose_embedder([writer]) is None
    with pytest.raises(ProblemError, match="There are: starter, small"):
        choose_embedder(models, "writer")


def test_a_request_carries_its_sources_through_the_recipe(
    tmp_path: Path, index: PassageIndex
) -> None:
    document = written(tmp_path, "a.txt", "The fox sleeps.")
    index.add(document)
    request = choose_for_request(TextRequest(prompt="Who sleeps?"), [document], index, 8192)
    (source,) = sources_of(request)
    assert source.sha256 == hashlib.sha256((tmp_path / "a.txt").read_bytes()).hexdigest()
    assert str(meter(source)) == "all of it"
    again = request_from_fields(json.loads(to_json(request)))
    assert again == request
    prompt = with_sources("Who sleeps?", sources_of(again))
    assert prompt.startswith("[1] a.txt, part 1\nThe fox sleeps.")
    assert prompt.endswith("Who sleeps?")


def test_files_are_read_again_when_they_change_and_the_index_can_be_lost(
    tmp_path: Path, index: PassageIndex
) -> None:
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "a.md").write_text("# One\nfox")
    (folder / "b.pdf").write_bytes(made.pdf("", ""))
    (folder / ".c.md").write_text("hidden")
    read: list[str] = []

    def gather() -> list[str]:
        read.clear()
        files = document_files([folder])
        found = read_documents(files, index, lambda message: read.append(str(message)))
        assert len(found.problems) == 1
        return [part.text for document in found.documents for part in document.parts]

    assert gather() == ["# One\nfox"]
    assert gather() == ["# One\nfox"]
    assert read == ["Reading b.pdf"]
    (folder / "a.md").write_text("# One\nowl!")
    assert gather() == ["# One\nowl!"]
    index.close()
    file = tmp_path / "cache" / "documents.sqlite"
    file.write_bytes(b"no database" * 1_000)
    index = PassageIndex(file)
    assert read_documents([folder / "a.md"], index).documents[0].parts[0].text == "# One\nowl!"


def test_a_collection_is_a_folder_with_a_name(tmp_path: Path) -> None:
    (tmp_path / "Reports").mkdir()
    collections = Collections(tmp_path)
    assert collections.all() == []
    assert collections.add(tmp_path / "Reports").name == "Reports"
    assert collections.find("reports").folder == str(tmp_path / "Reports")
    with pytest.raises(ProblemError, match="already"):
        collections.add(tmp_path, "reports")
    collections.remove("Reports")
    with pytest.raises(ProblemError, match="no collection"):
        collections.find("Reports")
    (tmp_path / "documents" / "collections.json").write_text("{")
    assert collections.all() == []


SOURCES = (
    Source(
        "a.pdf",
        "0" * 64,
        "page",
        9,
        (
            Passage(3, 0, 9, "The lighthouse was built in 1871 by Danish engineers."),
            Passage(7, 90, 99, "小王子住在一颗小行星上，他照顾一朵玫瑰花。"),
        ),
    ),
)


def test_statements_get_the_passage_that_the_model_or_the_words_say() -> None:
    answer = "The lighthouse was built in 1871. It is red. It is tall [2]. See [9]."
    answer += " 小王子照顾玫瑰花。"
    found = [(each.numbers, each.by) for each in cite(answer, SOURCES)]
    assert found == [((1,), "words"), ((2,), "model"), ((2,), "words")]
    assert with_numbers(answer, SOURCES).startswith("The lighthouse was built in 1871. [1]")
    assert cite("", SOURCES) == cite(answer, ()) == ()


@pytest.mark.parametrize("text", ['"', "a AND (b", "NEAR(", "*", "的", "what is the", "狐", "🦊"])
def test_any_question_is_a_query(text: str, index: PassageIndex) -> None:
    words_expression(text)
    assert index.search(text, ["0"], 5) == []


def test_long_answers_are_cited_in_linear_time() -> None:
    cite("[1" * 50_000 + "a. " * 50_000, SOURCES)
    cite("[1]" * 20_000, SOURCES)


def test_a_collection_knows_what_it_has_read_when_and_what_has_changed_since(
    tmp_path: Path, index: PassageIndex
) -> None:
    """What cannot be read says why until it changes; a reading that is stopped loses nothing."""
    folder = tmp_path / "docs"
    (folder / "b").mkdir(parents=True)
    (folder / "a.txt").write_text("first", "utf-8")
    (folder / "b" / "c.pdf").write_bytes(made.pdf("one", "two"))
    (folder / "scan.pdf").write_bytes(made.pdf(""))
    listed = collection_files(folder, index)
    assert [file.state for file in listed] == ["new"] * 3
    assert update_files(folder, listed, index, is_cancelled=lambda: True) == listed
    seen: list[int] = []
    found = update_files(folder, listed, index, lambda place, _: seen.append(place))
    assert seen == [0, 1, 2]
    states = {file.name: (file.state, file.place, file.parts) for file in found}
    assert states[str(Path("b", "c.pdf"))] == ("read", "page", 2)
    assert states["scan.pdf"][0] == "unreadable"
    assert {file.read[:2] for file in found if file.state == "read"} == {"20"}
    assert collection_files(folder, index, found) == found
    (folder / "a.txt").write_text("second version", "utf-8")
    (folder / "scan.pdf").write_bytes(made.pdf("words"))
    again = collection_files(folder, index, found)
    assert {file.name: file.state for file in again} == {
        "a.txt": "changed",
        str(Path("b", "c.pdf")): "read",
        "scan.pdf": "new",
    }
    assert {file.state for file in update_files(folder, again, index)} == {"read"}
