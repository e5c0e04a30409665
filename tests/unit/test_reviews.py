"""What a person decided on a result is a mark: kept, found, exported, and known after a rebuild."""

from __future__ import annotations

import csv
import sqlite3
import wave
from pathlib import Path

import msgspec
import pytest

from studio.kinds.speech import SpeechRequest
from studio.kinds.text import TextRequest
from studio.kinds.upscale import UpscaleRequest
from studio.library.folder.marks_file import read_marks
from studio.library.index.database import FILE_NAME
from studio.library.index.search import AssetQuery, review_term
from studio.library.index.unapproved import is_from_unapproved
from studio.library.recipes.export import export
from studio.library.recipes.marked_links import MarkedLinks
from studio.library.records import Asset
from studio.library.review import (
    STATES,
    Review,
    labels_for_another,
    mark_of,
    marked_name,
    review_state,
    worst_state,
)
from studio.library.store import Library
from studio.protocol import InputFile
from tests.unit.conftest import recipe_for


def made(library: Library, prompt: str, labels: dict[str, str]) -> Asset:
    (job,) = library.queue.enqueue([TextRequest(prompt=prompt, seed=1)], labels=labels)
    temporary = library.work_dir(job) / "row.txt"
    temporary.write_text("the clause", "utf-8")
    recipe = msgspec.structs.replace(recipe_for(job.request), labels=labels)
    return library.record_asset(job, 0, temporary, recipe)


def found(library: Library, state: str) -> list[str]:
    return [asset.prompt for asset in library.assets.find(AssetQuery(review=state))]


def test_a_result_of_a_form_that_demands_it_needs_review_until_somebody_decides(
    library: Library,
) -> None:
    asset = made(library, "clause", {"review": "required"})
    made(library, "other", {})
    assert asset.review_state == "needs_review"
    assert found(library, "needs_review") == ["clause"]
    (changed,) = library.marks.review([asset.id], "approved", " Ann  Vale ", "checked § 3")
    assert changed.review is not None
    assert (changed.review.reviewer, changed.review.remark) == ("Ann Vale", "checked § 3")
    assert changed.review.date.startswith("20")
    assert found(library, "needs_review") == []
    assert found(library, "approved") == ["clause"]


def test_reviews_survive_other_marks_the_trash_and_a_rebuild(library: Library) -> None:
    asset = made(library, "clause", {})
    library.marks.review([asset.id], "rejected", "Bo", "no")
    library.marks.star([asset.id], True)
    library.trash.put([asset.id])
    library.trash.restore([asset.id])
    assert read_marks(library.root)[asset.id].review == library.assets.recent()[0].review
    library.rebuild()
    again = library.assets.recent()[0]
    assert again.review is not None
    assert (again.review_state, again.review.reviewer, again.starred) == ("rejected", "Bo", True)
    assert found(library, "rejected") == ["clause"]
    assert not list(library.check())


def test_copies_of_what_is_not_approved_say_so_in_their_names_and_the_table_has_the_decision(
    library: Library, tmp_path: Path
) -> None:
    first = made(library, "clause", {"review": "required"})
    second = made(library, "letter", {"review": "required"})
    (second,) = library.marks.review([second.id], "approved", "Ann", "=fine")
    paths = export([first, second], tmp_path / "out")
    assert paths[0].stem.endswith("-needs-review")
    assert "needs-review" not in paths[1].name
    with (tmp_path / "out" / "recipes.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows[0]["review"] == "needs_review"
    assert rows[1]["review"].startswith("approved; Ann; ")


def test_a_table_that_an_earlier_version_began_keeps_its_columns(
    library: Library, tmp_path: Path
) -> None:
    table = tmp_path / "recipes.csv"
    table.write_text("file,task,model,seed,prompt,recipe\r\n", "utf-8-sig")
    export([made(library, "clause", {"review": "required"})], tmp_path)
    with table.open(encoding="utf-8-sig", newline="") as file:
        assert {len(row) for row in csv.reader(file)} == {6}


def test_a_state_of_another_version_is_kept_and_shown_as_it_is(library: Library) -> None:
    assert review_state(Review("archived"), {}) == "archived"
    assert review_state(None, {}) == ""
    assert "needs_review" in STATES
    assert library.assets.count() == 0


def test_only_what_nobody_asked_about_or_somebody_approved_goes_without_a_mark() -> None:
    assert mark_of("") is None and mark_of("approved") is None
    for state in ("draft", "needs_review", "rejected", "archived"):
        mark = mark_of(state)
        assert mark is not None
        name = marked_name("a.b.txt", state)
        assert name == f"a.b-{mark.name}.txt" == marked_name(name, state)
    assert marked_name("x-needs-review.txt", "approved") == "x.txt"
    assert worst_state(["", "draft", "approved", "rejected"]) == "rejected"
    assert worst_state(["approved", ""]) == ""
    assert labels_for_another(Review("approved"), {"review": "required", "form": "x"}) == {
        "review": "required"
    }
    assert labels_for_another(None, {"form": "x"}) == {}


def test_what_is_made_of_an_unapproved_result_needs_a_review_too(library: Library) -> None:
    asset = made(library, "clause", {"review": "required"})
    source = InputFile(str(asset.path), asset.sha256)
    parents = library._writer.parents(UpscaleRequest(input=source), ())

    def inherits(request: SpeechRequest | UpscaleRequest) -> bool:
        given = parents if isinstance(request, UpscaleRequest) else ()
        return is_from_unapproved(library._database, request, given)

    assert inherits(UpscaleRequest(input=source))
    assert not inherits(SpeechRequest(prompt="the clause")), "ten letters are found anywhere"
    library.marks.review([asset.id], "approved", "Ann", "")
    assert not inherits(UpscaleRequest(input=source))


def test_a_text_that_is_spoken_is_found_by_its_passages(library: Library) -> None:
    text = "The tenant pays the rent of 4.50 on the first day. 租客应在每月第一天支付租金。Short."
    (job,) = library.queue.enqueue([TextRequest(prompt="x", seed=1)])
    plain = library.work_dir(job) / "row.txt"
    plain.write_text(text, "utf-8")
    asset = library.record_asset(job, 0, plain, recipe_for(job.request))

    def inherits(prompt: str) -> bool:
        return is_from_unapproved(library._database, SpeechRequest(prompt=prompt), ())

    assert not inherits(text)
    library.marks.review([asset.id], "needs_review", "", "")
    assert inherits(text)
    assert inherits("# Title\n\n**The tenant pays the rent of 4.50 on the first day.**")
    assert inherits("他说：租客应在每月第一天支付租金！")
    assert not inherits("Short.") and not inherits("") and not inherits("The tenant pays more.")
    (spoken,) = library.queue.enqueue([SpeechRequest(prompt=text, seed=1)])
    wav = library.work_dir(spoken) / "row.wav"
    with wave.open(str(wav), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(24_000)
        file.writeframes(bytes(480))
    sound = library.record_asset(spoken, 0, wav, recipe_for(spoken.request))
    assert sound.review_state == "needs_review"
    library.rebuild()
    assert len(found(library, "needs_review")) == 2


def test_states_of_many_results_are_read_at_once(library: Library) -> None:
    first = made(library, "clause", {"review": "required"})
    second = made(library, "letter", {})
    library.marks.review([second.id], "approved", "Ann", "")
    states = library.assets.review_states([first.id, second.id, "gone"])
    assert states == {first.id: "needs_review", second.id: "approved"}


def test_files_get_marked_names_as_links_and_as_copies_where_there_are_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the same name or a link itself too; what would take long to copy is not given."""
    for folder in ("a", "b", "cache"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x.txt").write_text(folder, "utf-8")
    links = MarkedLinks(tmp_path / "cache")
    for names in (("x-rejected.txt", "x-rejected-2.txt"), ("x-draft.txt", "x-draft-2.txt")):
        found = [links.file(tmp_path / f / "x.txt", names[0][2:-4]) for f in ("a", "b")]
        assert tuple(each.name for each in found if each) == names
        assert [each.read_text("utf-8") for each in found if each] == ["a", "b"]

        def no_links(*_: object) -> None:
            raise PermissionError("no links here")

        monkeypatch.setattr("os.link", no_links)
    monkeypatch.setattr(links, "_room", 0)
    assert links.file(tmp_path / "a" / "x.txt", "rejected") is None
    links.sweep()
    assert len(list((tmp_path / "cache" / "outgoing").rglob("*.txt"))) == 4


def test_results_that_need_review_are_found_in_the_index_of_an_earlier_version(
    library: Library,
) -> None:
    """One from before there were reviews, but with the label of a form."""
    asset = made(library, "clause", {"review": "required"})
    root = library.root
    library.close()
    db = sqlite3.connect(root / FILE_NAME)
    (facts,) = db.execute("SELECT facts FROM words").fetchone()
    assert review_term("needs_review") in facts
    db.execute("UPDATE words SET facts = ?", (facts.replace(review_term("needs_review"), ""),))
    db.execute("DROP TABLE reviews")
    db.execute("PRAGMA user_version = 5")
    db.commit()
    db.close()
    opened = Library.open(root, run_queue=False)
    try:
        assert opened.notice is None
        assert found(opened, "needs_review") == ["clause"]
        assert opened.assets.review_states([asset.id]) == {asset.id: "needs_review"}
    finally:
        opened.close()
