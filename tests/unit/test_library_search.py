"""Finding results: every filter alone and combined, with and without words."""

from __future__ import annotations

import sqlite3
from datetime import datetime
from pathlib import Path

import pytest
from msgspec.structs import replace

from studio.kinds.coding import to_json
from studio.kinds.image import ImageRequest
from studio.kinds.requests import display_name
from studio.kinds.text import TextRequest
from studio.kinds.upscale import UpscaleRequest
from studio.library.index import database
from studio.library.index.database import FILE_NAME, Database
from studio.library.index.search import AssetQuery, filter_terms
from studio.library.records import Asset
from studio.library.store import Library
from studio.protocol import InputFile
from tests.unit.conftest import enqueue, recipe_for, record

DAYS = ("2026-01-01", "2026-01-02", "2026-01-03")


def seconds(day: str) -> float:
    return datetime.fromisoformat(f"{day}T00:00:00+00:00").timestamp()


def labelled(library: Library, prompt: str, day: str, **labels: str) -> Asset:
    (job,) = library.queue.enqueue([ImageRequest(prompt=prompt, seed=1)], labels=labels)
    return record(library, job, created=f"{day}T00:00:00+00:00")


@pytest.fixture
def three(library: Library) -> tuple[Asset, Asset, Asset]:
    """Three results, one a day: the second has every mark, the third some."""
    first = labelled(library, "fox one", DAYS[0])
    second = labelled(library, "fox 狐狸 two", DAYS[1], Product="Tea Pot", size="L")
    third = labelled(library, "fox three", DAYS[2], Product="Cup", size="L")
    library.marks.retag([second.id], (), ["night", "Best"])
    library.marks.retag([third.id], (), ["night"])
    library.marks.star([second.id], True)
    library.marks.add_to_collection("Für Anna", [second.id])
    return first, second, third


@pytest.mark.parametrize("words", ["", "fox"])
@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (AssetQuery(), [2, 1, 0]),
        (AssetQuery(task="image"), [2, 1, 0]),
        (AssetQuery(task="text"), []),
        (AssetQuery(model="tiny"), [2, 1, 0]),
        (AssetQuery(model="tin"), []),
        (AssetQuery(tags=("NIGHT",)), [2, 1]),
        (AssetQuery(tags=("night", "best")), [1]),
        (AssetQuery(collection="für anna"), [1]),
        (AssetQuery(collection="anna"), []),
        (AssetQuery(labels=(("size", "l"),)), [2, 1]),
        (AssetQuery(labels=(("size", "l"), ("product", "tea pot"))), [1]),
        (AssetQuery(labels=(("product", "tea"),)), []),
        (AssetQuery(starred=True), [1]),
        (AssetQuery(since=seconds(DAYS[1])), [2, 1]),
        (AssetQuery(until=seconds(DAYS[1])), [0]),
        (AssetQuery(since=seconds(DAYS[1]), until=seconds(DAYS[2])), [1]),
        (AssetQuery(since=float("inf")), []),
        (AssetQuery(since=float("-inf"), until=1e300), [2, 1, 0]),
        (AssetQuery(task="image", tags=("night",), starred=True, since=seconds(DAYS[0])), [1]),
    ],
)
def test_filters_work_alone_and_combined(
    library: Library, three: tuple[Asset, ...], words: str, wanted: AssetQuery, found: list[int]
) -> None:
    wanted = replace(wanted, words=words)
    assert [asset.id for asset in library.assets.find(wanted)] == [three[n].id for n in found]
    assert library.assets.numbers(wanted).tolist() == [three[n].number for n in found]


@pytest.mark.usefixtures("three")
@pytest.mark.parametrize("words", ["taskimage", "starred", "trashed", "AND NOT ("])
def test_a_filter_in_the_search_is_not_searched_as_text(library: Library, words: str) -> None:
    assert library.assets.find(AssetQuery(words=words)) == []


def test_chinese_words_a_label_and_a_date_are_combined(
    library: Library, three: tuple[Asset, ...]
) -> None:
    wanted = AssetQuery(words="狐", labels=(("size", "L"),), since=seconds(DAYS[1]))
    assert [asset.id for asset in library.assets.find(wanted)] == [three[1].id]


def test_the_name_of_a_collection_finds_its_results(
    library: Library, three: tuple[Asset, ...]
) -> None:
    library.marks.add_to_collection("双十一", [three[0].id])
    assert [asset.id for asset in library.assets.find(AssetQuery(words="十一"))] == [three[0].id]
    assert [asset.id for asset in library.assets.find(AssetQuery(words="anna night"))] == [
        three[1].id
    ]
    library.rebuild()
    assert [asset.id for asset in library.assets.find(AssetQuery(words="双十一"))] == [three[0].id]
    library.marks.remove_from_collection("双十一", [three[0].id])
    assert library.assets.find(AssetQuery(words="双十一")) == []


def test_a_result_in_the_trash_is_not_found_until_restored(
    library: Library, three: tuple[Asset, ...]
) -> None:
    library.trash.put([three[2].id])
    tagged = AssetQuery(tags=("night",))
    assert library.assets.numbers(AssetQuery()).tolist() == [three[1].number, three[0].number]
    assert library.assets.numbers(tagged).tolist() == [three[1].number]
    assert library.assets.find(AssetQuery(words="three")) == []
    library.trash.restore([three[2].id])
    assert library.assets.numbers(tagged).tolist() == [three[2].number, three[1].number]
    assert [asset.id for asset in library.assets.find(AssetQuery(words="three"))] == [three[2].id]


def test_assets_are_returned_in_the_order_asked_for_without_deleted_ones(
    library: Library, three: tuple[Asset, ...]
) -> None:
    first, second, third = three
    library.trash.put([second.id])
    asked = [first.number, 5, second.number, third.number]
    assert [asset.id for asset in library.assets.by_numbers(asked)] == [first.id, third.id]


def test_pages_continue_each_other(library: Library, three: tuple[Asset, ...]) -> None:
    for wanted in (AssetQuery(), AssetQuery(words="fox")):
        pages = [library.assets.find(wanted, limit=1, offset=n) for n in range(4)]
        assert [a.id for page in pages for a in page] == [a.id for a in reversed(three)]


def test_facets_list_the_values_in_use_without_the_trash(
    library: Library, three: tuple[Asset, ...]
) -> None:
    library.trash.put([three[1].id])
    used = library.assets.facets()
    assert used.models == (("tiny", 2),)
    assert used.tags == (("night", 1),)
    assert used.labels == {"Product": ("Cup", "Tea Pot"), "size": ("L",)}
    assert library.marks.collections() == []


def version_1(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write a library of version 1: no labels in the index, no trash."""
    with monkeypatch.context() as patch:
        patch.setattr(database, "_MIGRATIONS", database._MIGRATIONS[:1])
        patch.setattr(database, "VERSION", 1)
        Database(root).close()
    db = sqlite3.connect(root / FILE_NAME)
    requests = (
        ImageRequest(prompt="old fox", seed=1),
        TextRequest(prompt="old tale", seed=1),
        ImageRequest(prompt="old hen", seed=1),
        UpscaleRequest(input=InputFile("a/0.png")),
        UpscaleRequest(input=InputFile("a/3.png")),
        UpscaleRequest(input=InputFile("b/other.png")),
    )
    for number, (request, labels, trashed_at) in enumerate(
        zip(
            requests,
            ({"Product": "Cup", "n": "1"}, {}, {"n": "2"}, {}, {}, {}),
            (None, None, 5.0, None, None, None),
            strict=True,
        )
    ):
        recipe = replace(recipe_for(request), labels=labels)
        name, task, starred = f"asset-{number}", request.task, number == 0
        tags = ["Night"] if starred else []
        old = filter_terms(task, "tiny", starred=starred, tags=tags, collections=(), labels=())
        db.execute(
            "INSERT INTO assets (number, id, job, row, task, model, seed, path, size, created, "
            "prompt, starred, trashed_at) VALUES (?, ?, '', 0, ?, 'tiny', 1, ?, 1, '', ?, ?, ?)",
            (number, name, task, f"{number}.png", display_name(request), starred, trashed_at),
        )
        db.execute("INSERT INTO contents VALUES (?, ?, '')", (number, to_json(recipe)))
        db.executemany("INSERT INTO tags VALUES (?, ?)", [(name, tag) for tag in tags])
        db.execute(
            "INSERT INTO words (rowid, prompt, text, tags, name, labels, facts) "
            "VALUES (?, ?, '', ?, '', '', ?)",
            (number, display_name(request), " ".join(tags), old),
        )
    db.executemany(
        "INSERT INTO parents VALUES (?, ?)", [("asset-3", "asset-0"), ("asset-4", "asset-3")]
    )
    db.commit()
    db.close()


def test_new_filters_work_on_a_library_of_version_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    version_1(tmp_path, monkeypatch)
    library = Library.open(tmp_path)
    assert library.assets.numbers(AssetQuery(words="fox")).tolist() == [4, 3, 0]
    assert library.assets.numbers(AssetQuery(words="3.png")).tolist() == [4]
    called = [asset.prompt for asset in library.assets.find(AssetQuery(task="upscale"))]
    assert called == ["other.png", "old fox", "old fox"]
    assert library.assets.numbers(AssetQuery()).tolist() == [5, 4, 3, 1, 0]
    for words in ("", "old"):
        assert library.assets.numbers(AssetQuery(words=words, task="image")).tolist() == [0]
        cup = AssetQuery(words=words, labels=(("product", "cup"), ("n", "1")), starred=True)
        assert library.assets.numbers(cup).tolist() == [0]
        assert library.assets.numbers(AssetQuery(words=words, labels=(("n", "2"),))).tolist() == []
        assert library.assets.numbers(AssetQuery(words=words, tags=("night",))).tolist() == [0]
    library.marks.add_to_collection("kept", ["asset-0"])
    assert library.assets.find(AssetQuery(collection="kept", tags=("night",)))[0].id == "asset-0"
    assert library.assets.facets().labels["Product"] == ("Cup",)
    library.close()
    Library.open(tmp_path).close()


def test_an_empty_query_matches_everything() -> None:
    assert AssetQuery(words="  ").matches_all
    assert not AssetQuery(until=0.0).matches_all


def test_two_assets_of_the_same_microsecond_have_different_numbers(library: Library) -> None:
    first, second = (record(library, enqueue(library)) for _ in range(2))
    assert first.created == second.created
    assert library.assets.by_numbers([first.number, second.number]) == [first, second]
