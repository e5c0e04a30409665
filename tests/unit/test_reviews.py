"""What a person decided on a result is a mark: kept, found, exported, and known after a rebuild."""

from __future__ import annotations

import csv
from pathlib import Path

import msgspec

from studio.kinds.text import TextRequest
from studio.library.folder.marks_file import read_marks
from studio.library.index.search import AssetQuery
from studio.library.recipes.export import export
from studio.library.records import Asset
from studio.library.review import STATES, Review, review_state
from studio.library.store import Library
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
