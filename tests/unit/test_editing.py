"""Editing with a model: proposals as changes, what is asked, and versions in the library."""

from __future__ import annotations

from pathlib import Path

from studio.kinds.text import TextRequest
from studio.library.recipes.edited_versions import EDITED, EDITS, Edit
from studio.library.store import Library
from studio.protocol import Recipe
from studio.ui.workspaces.text.editor.document import Document, document_id
from studio.ui.workspaces.text.editor.document_files import DocumentFiles
from studio.writing.editing.asks import ASKS, instruction, proposed_text
from studio.writing.editing.find import replace_all
from studio.writing.editing.proposal import Proposal
from studio.writing.editing.word_diff import apply_changes, changes_between


def parts(original: str, proposed: str) -> list[tuple[str, str]]:
    changes = changes_between(original, proposed)
    assert apply_changes(original, changes) == proposed
    return [(change.before, change.after) for change in changes]


def test_changes_are_words_in_english_and_characters_in_chinese() -> None:
    found = parts("The quick fox jumps over the dog.", "The fast fox leaps over the dog.")
    assert found == [("quick", "fast"), ("jumps", "leaps")]
    assert parts("狐狸在雪地里跑得很快。", "狐狸在沙地里跑得很快！") == [("雪", "沙"), ("。", "！")]
    assert parts("a b", "a new b") == [("", "new ")]
    assert parts("same", "same") == []
    assert parts("", "new") == [("", "new")]
    assert parts("gone", "") == [("gone", "")]
    # With next to nothing in common it is one change.
    assert len(parts("one two three four", "五 六 七 八 four")) == 1


def test_long_and_repetitive_passages_are_compared_quickly() -> None:
    for text in ("a " * 10_000, "啊" * 20_000, "word\n" * 4_000):
        assert len(parts(f"x{text}y", f"z{text}w")) <= 2
    assert parts("a b " * 4000, "b a " * 4000)


def test_a_part_of_a_proposal_is_accepted() -> None:
    proposal = Proposal("a b c", changes_between("a b c", "A b C"))
    one = proposal.decided(1, True)
    assert one.text() == "a b C" and one.next_open(1) == 0 and not one.is_decided
    assert one.all_decided(False).text() == "a b C"
    assert one.all_decided(True).text() == "A b C"
    assert one.decided(1, False).text() == "a b c"


def test_asks_are_in_the_language_of_the_passage_and_answers_lose_their_wrapping() -> None:
    for ask in ASKS:
        assert instruction(ask, "狐狸跑得很快。", "formal") != instruction(ask, "A fox.", "formal")
    assert instruction("tone", "狐狸跑得很快。", "formal")[1].startswith("用正式的语气")
    # What looks like a placeholder in the text of a person is none.
    assert instruction("own", "A fox {value}.", "Say {name}")[1] == "Say {name}\n\nA fox {value}."
    assert proposed_text("rewrite", " old\n", '"new words"') == " new words\n"
    assert proposed_text("rewrite", "“old”", "“new”") == "“new”"
    assert proposed_text("rewrite", "old", "<think>x</think>\n```\nnew\n```") == "new"
    assert proposed_text("rewrite", "old", "  ") == "old"
    assert proposed_text("continue", "One. ", "One. Two.") == "One.  Two."


def test_every_match_is_replaced_literally() -> None:
    assert replace_all("a.c abc A.C", "a.c", r"\1", match_case=False) == (r"\1 abc \1", 2)
    assert replace_all("a.c A.C", "a.c", "x", match_case=True) == ("x A.C", 1)
    assert replace_all("abc", "", "x", match_case=True) == ("abc", 0)


def test_a_version_is_a_result_of_its_own_and_nothing_is_overwritten(tmp_path: Path) -> None:
    library = Library.open(tmp_path / "library")
    try:
        [job] = library.queue.enqueue([TextRequest(prompt="a fox", seed=1)], claim=True)
        file = tmp_path / "answer.txt"
        file.write_text("The fox.", "utf-8")
        recipe = Recipe(request=job.request, row=0, seed=1, labels={"form": "note"})
        source = library.record_asset(job, 0, file, recipe)
        id = document_id(source.id, source.job)
        edit = Edit(id, "Der Fuchs 狐狸.", ["Shorten (a model)"], [source.id])
        first = library.versions.keep(source, edit, None)
        second = library.versions.keep(first, Edit(id, "Again."), None)
        assert source.path.read_text("utf-8").endswith("The fox.")
        assert (first.text, second.text) == ("Der Fuchs 狐狸.", "Again.")
        assert first.recipe.labels == {
            "form": "note",
            EDITED: "1",
            EDITS: "Shorten (a model)",
        }
        assert second.recipe.labels[EDITED] == "2"
        assert second.recipe.parents[0].asset == first.id
        assert document_id(second.id, second.job) == id
        assert not library.check()
        library.rebuild()
        assert {each.id for each in library.assets.of_job(id)} == {first.id, second.id}
    finally:
        library.close()


def test_a_text_that_was_not_saved_is_found_again_and_a_damaged_one_is_named(
    tmp_path: Path,
) -> None:
    (tmp_path / "library").mkdir()
    files = DocumentFiles(tmp_path / "library")
    assert files.unsaved() == [] and files.load("edit-a") == (None, None)
    import msgspec

    for id, is_saved in (("edit-a", True), ("edit-b", False)):
        document = Document(id="other", text="words", is_saved=is_saved)
        files.save(id, msgspec.json.encode(document))
    assert files.unsaved() == ["edit-b"]
    found, _ = files.load("edit-b")
    assert found is not None and (found.id, found.text) == ("edit-b", "words")
    files.path("edit-b").write_bytes(b'{"id": 1')
    found, wrong = files.load("edit-b")
    assert found is None and wrong is not None and "renamed" in str(wrong.message)
    assert files.unsaved() == []
