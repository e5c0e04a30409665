"""`studio library`: what it finds and prints, and its errors."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from studio.kinds.image import ImageRequest
from studio.kinds.requests import prompt_of
from studio.kinds.text import TextRequest
from studio.library.recipes.metadata import read_recipe
from studio.library.store import Library
from studio.settings import Settings, save_settings
from tests.e2e.conftest import CommandResult
from tests.unit.conftest import record

Studio = Callable[..., CommandResult]


@pytest.fixture
def filled(environment: dict[str, str]) -> list[str]:
    """Ids of a tea pot, a cup and a tale, created on three days of local time."""
    library = Library.open(Path(environment["STUDIO_HOME"]) / "library")
    requests = (
        ImageRequest(prompt="茶壶 pot", seed=1),
        ImageRequest(prompt="cup", seed=2),
        TextRequest(prompt="tale", seed=3),
    )
    jobs = library.queue.enqueue(
        requests, labels=[{"product": "Pot", "n": "1"}, {"product": "Cup"}, {}]
    )
    names = []
    for day, job in enumerate(jobs, 1):
        created = datetime(2026, 1, day, 23, 30).astimezone().isoformat()
        names.append(record(library, job, created=created).id)
    library.marks.retag(names[:2], [], ["dishes"])
    library.marks.retag(names[:1], [], ["blue"])
    library.marks.add_to_collection("Shop", names[1:])
    library.close()
    return names


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        ([], [2, 1, 0]),
        (["茶"], [0]),
        (["--tag", "dishes"], [1, 0]),
        (["--tag", "dishes", "--tag", "blue"], [0]),
        (["--collection", "shop", "--task", "image"], [1]),
        (["--label", "product=cup"], [1]),
        (["pot", "--label", "product=pot", "--label", "n=1"], [0]),
        (["--since", "2026-01-02"], [2, 1]),
        (["--since", "2026-01-02", "--until", "2026-01-02"], [1]),
        (["--until", "2026-01-01", "--model", "tiny", "--limit", "5"], [0]),
    ],
)
def test_a_search_accepts_every_filter(
    studio: Studio, filled: list[str], arguments: list[str], found: list[int]
) -> None:
    ran = studio("library", "search", *arguments, "--json")
    lines = [json.loads(line) for line in ran.out.splitlines()]
    assert (ran.status, [line["id"] for line in lines]) == (0, [filled[n] for n in found])


@pytest.mark.usefixtures("filled")
def test_a_line_has_collections_and_labels(studio: Studio) -> None:
    (line,) = map(json.loads, studio("library", "search", "cup", "--json").out.splitlines())
    assert line["collections"] == ["Shop"]
    assert line["labels"] == {"product": "Cup"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--since", "yesterday"], "'yesterday' is not a date"),
        (["--until", "2026-02-30"], "'2026-02-30' is not a date"),
        (["--label", "product"], "'product' is not a label"),
        (["--label", "=Cup"], "'=Cup' is not a label"),
        (["--limit", "0"], "0 is not a valid limit"),
    ],
)
def test_an_invalid_search_exits_with_status_2_and_a_sentence(
    studio: Studio, arguments: list[str], message: str
) -> None:
    ran = studio("library", "search", *arguments, "--json")
    assert (ran.status, ran.out) == (2, "")
    assert message in ran.err


@pytest.mark.parametrize(("to", "suffix"), [("", ".png"), ("webp", ".webp"), ("jpeg", ".jpg")])
def test_results_are_exported_with_their_recipes(
    studio: Studio, filled: list[str], tmp_path: Path, to: str, suffix: str
) -> None:
    chosen = ["--format", to, "--quality", "80"] if to else []
    ran = studio("library", "export", *filled, tmp_path / "out 出", *chosen, "--json")
    lines = [json.loads(line) for line in ran.out.splitlines()]
    paths = [Path(line["path"]) for line in lines]
    assert (ran.status, [path.suffix for path in paths]) == (0, [suffix, suffix, ".md"])
    found = [read_recipe(path) for path in paths]
    assert [prompt_of(recipe.request) for recipe in found if recipe] == ["茶壶 pot", "cup", "tale"]
    assert [line["lost"] for line in lines] == [[], [], []]


@pytest.mark.parametrize(
    "wrong",
    [["--format", "gif"], ["--quality", "9"], ["--format", "webp", "--quality", "0"], ["nobody"]],
)
def test_an_invalid_export_exits_with_status_2_and_writes_nothing(
    studio: Studio, filled: list[str], tmp_path: Path, wrong: list[str]
) -> None:
    arguments = [*wrong, tmp_path / "out"] if wrong == ["nobody"] else [tmp_path / "out", *wrong]
    ran = studio("library", "export", filled[0], *arguments)
    assert (ran.status, ran.out) == (2, "")
    assert ran.err
    assert not (tmp_path / "out").exists()


def test_results_are_labelled_when_the_settings_enable_it(
    studio: Studio, environment: dict[str, str], tmp_path: Path
) -> None:
    home = Path(environment["STUDIO_HOME"])
    home.mkdir()
    save_settings(home / "settings.json", Settings(aigc_label=True, aigc_producer="Anna"))
    ran = studio("text", "-p", "hi", "--json", "-o", tmp_path / "out", fake="plain")
    (made,) = ran.named("asset")
    assert '"ContentProducer":"Anna"' in Path(made["path"]).read_text("utf-8")
