"""What a stranger wrote into names, ids and the files of the queue stays in the models folder."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path

import msgspec
import pytest

from studio.downloads.download_queue import DownloadQueue
from studio.downloads.pack import copy_pack
from studio.downloads.queue_folder import FOLDER
from studio.protocol import ModelSource, ProblemError
from tests.hub.download_bench import item_of, run, visible
from tests.hub.server import HubServer


@pytest.mark.parametrize(
    "name",
    [
        *("../evil", "/etc/evil", "a/../../evil", "C:/evil", "C:evil", "a\\..\\evil", ""),
        *("nul", "con.json", "a/LPT1.txt", "a.", "a ", "a//b", "./a", "x" * 300, "a\nb", "a\0"),
    ],
)
def test_a_name_that_leads_out_of_the_folder_stops_the_download(
    hub: HubServer, queue: DownloadQueue, models: Path, name: str
) -> None:
    item = item_of(hub)
    bad = msgspec.structs.replace(item.files[0], name=name)
    failed = run(queue, msgspec.structs.replace(item, files=(bad, *item.files[1:])))
    assert failed is not None and failed.kind == "bad_input"
    assert hub.downloads() == []
    assert visible(models) == []


def test_names_that_differ_in_case_only_stop_the_download(
    hub: HubServer, queue: DownloadQueue
) -> None:
    item = item_of(hub)
    twin = msgspec.structs.replace(item.files[0], name="Config.JSON")
    failed = run(queue, msgspec.structs.replace(item, files=(twin, *item.files)))
    assert failed is not None and "same name" in str(failed.message)


@pytest.mark.parametrize("name", ["item.json", "state.json"])
def test_a_damaged_file_of_the_queue_concerns_one_item(
    hub: HubServer, queue: DownloadQueue, models: Path, name: str
) -> None:
    item = item_of(hub)
    other = msgspec.structs.replace(item, source=ModelSource("hub", "other"))
    queue.add(item)
    queue.add(other)
    (models / FOLDER / item.id / name).write_bytes(b"\xff{")
    assert other.id in [status.id for status in queue.statuses()]
    assert run(queue, item) is None


@pytest.mark.parametrize("id", ["..", ".", "", "../outside", "/tmp", "x" * 5000, "a\0b"])
def test_an_id_that_is_a_path_is_unknown(
    hub: HubServer, queue: DownloadQueue, models: Path, id: str
) -> None:
    queue.add(item_of(hub))
    (models / "outside").mkdir()
    (models / "outside" / "state.json").write_text("{}")
    with pytest.raises(ProblemError) as error:
        queue.cancel(id, remove=True)
    assert "There is no download" in str(error.value.problem.message)
    assert (models / "outside" / "state.json").exists()


def test_what_a_stranger_wrote_into_the_queue_stays_in_the_models_folder(
    hub: HubServer, queue: DownloadQueue, models: Path
) -> None:
    outside = models.parent / "outside"
    outside.mkdir(parents=True)
    item = item_of(hub)
    hostile = msgspec.structs.replace(
        item, folder="../../outside", texts={"../../../outside/a": "x"}
    )
    files = tuple(msgspec.structs.replace(file, url="file:///etc/passwd") for file in item.files)
    local = msgspec.structs.replace(item, files=files)
    for odd in (hostile, local):
        problem = run(queue, odd)
        assert problem is not None and problem.kind == "bad_input"
    (models / FOLDER / item.id / "state.json").write_text('{"folder": "../../outside"}')
    assert run(queue, item) is None
    assert list(outside.iterdir()) == []
    assert visible(models)[0].startswith("chat/")


@pytest.mark.parametrize("place", ["", "ID", "ID/files", "ID/files/config.json"])
def test_nothing_is_written_or_deleted_through_a_link(
    hub: HubServer, queue: DownloadQueue, models: Path, tmp_path: Path, place: str
) -> None:
    item = item_of(hub)
    queue.add(item)
    outside = tmp_path / "outside"
    (outside / "pack-list").mkdir(parents=True)
    for name in ("keep", "pack-list/keep"):
        (outside / name).write_text("kept")
    link = models / FOLDER / place.replace("ID", item.id)
    if link.is_dir():
        link.rename(tmp_path / "before")
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(outside / "keep" if link.suffix else outside)
    again = DownloadQueue(models, token_of=lambda _: "")

    for attempt in (
        lambda: again.add(item),
        lambda: again.run(item.id, threading.Event()),
        lambda: again.cancel(item.id, remove=True),
    ):
        with contextlib.suppress(ProblemError):
            attempt()
    if not place:
        with pytest.raises(ProblemError, match="link"):
            copy_pack(outside, models)

    found = [path.relative_to(outside).as_posix() for path in outside.rglob("*")]
    assert sorted(found) == ["keep", "pack-list", "pack-list/keep"]
    assert (outside / "keep").read_text() == "kept"
