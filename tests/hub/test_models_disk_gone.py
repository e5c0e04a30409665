"""The disk with the models folder is unplugged: nothing is written to its mount point."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from studio.downloads.download_queue import DownloadQueue
from studio.downloads.item_download import ItemDownload
from studio.downloads.pack import copy_pack
from studio.models.registry import Registry
from studio.models.storage.models_folder_choice import move_folder, use_folder
from studio.protocol import ProblemError
from studio.settings import Paths
from tests.hub.download_bench import item_of, run, visible
from tests.hub.received import wait_for
from tests.hub.server import HubServer
from tests.unit.model_files import write_llama


class Disk:
    """A folder that is renamed away; an empty one, the mount point, is left."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self._away = place.with_name("away")

    def unplug(self) -> None:
        if not self._away.exists():
            self.place.rename(self._away)
            self.place.mkdir()

    def plug_in(self) -> None:
        assert list(self.place.iterdir()) == []
        self.place.rmdir()
        self._away.rename(self.place)


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    (tmp_path / "disk").mkdir()
    return Disk(tmp_path / "disk")


def choose(paths: Paths, folder: Path) -> Paths:
    use_folder(paths, folder, lambda: None)
    return Paths(paths.settings, paths.library, folder, paths.starter, paths.logs, paths.cache)


@pytest.fixture
def unplugged_once(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The disk is unplugged as soon as the first download begins."""
    download_all = ItemDownload._download_all
    before: list[Path] = []

    def unplugged(self: ItemDownload, tick: Callable[[], None]) -> None:
        if not before:
            before.append(disk.place)
            disk.unplug()
        download_all(self, tick)

    with monkeypatch.context() as patched:
        patched.setattr(ItemDownload, "_download_all", unplugged)
        yield
    assert before


@pytest.mark.usefixtures("models", "unplugged_once")
@pytest.mark.parametrize("inside", ["", "models"])
def test_a_download_stops_and_goes_on_when_the_disk_is_back(
    paths: Paths,
    hub: HubServer,
    disk: Disk,
    inside: str,
) -> None:
    chosen = choose(paths, disk.place / inside)
    queue = DownloadQueue(chosen.models, retry_pause=0.0, make_models=chosen.make_models_folder)
    id = queue.add(item_of(hub))
    failed = queue.run(id, threading.Event())
    assert failed is not None and "is not there. Connect its disk" in str(failed.message)
    with pytest.raises(ProblemError, match="is not there"):
        queue.add(item_of(hub))
    for change in (queue.pause, queue.resume):
        with pytest.raises(ProblemError):
            change(id)
    assert chosen.is_models_folder_gone
    disk.plug_in()
    assert run(queue, item_of(hub)) is None
    assert "chat/config.json" in visible(chosen.models)


@pytest.mark.usefixtures("models", "unplugged_once")
def test_the_queue_of_the_window_goes_on_by_itself(
    paths: Paths, hub: HubServer, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("studio.downloads.download_queue._POLL_SECONDS", 0.05)
    chosen = choose(paths, disk.place)
    queue = DownloadQueue(chosen.models, retry_pause=0.0, make_models=chosen.make_models_folder)
    queue.add(item_of(hub))
    queue.start()
    wait_for(lambda: queue.statuses() == () and not queue._active)
    disk.plug_in()
    wait_for(lambda: [status.state for status in queue.statuses()] == ["done"])
    queue.close()
    assert "chat/config.json" in visible(chosen.models)


def test_a_copy_of_a_pack_stops(paths: Paths, tmp_path: Path, disk: Disk) -> None:
    chosen = choose(paths, disk.place)
    pack = write_llama(tmp_path / "pack")
    with pytest.raises(ProblemError, match="is not there"):
        copy_pack(pack, chosen.models, progress=lambda *_: disk.unplug())
    with pytest.raises(ProblemError, match="is not there"):
        copy_pack(pack, chosen.models, make_models=chosen.make_models_folder)
    disk.plug_in()
    assert sorted(visible(chosen.models)) == [".registry.lock", "registry.json"]


def test_what_an_earlier_version_left_in_the_mount_point_is_no_models_folder(
    paths: Paths, tmp_path: Path, disk: Disk
) -> None:
    chosen = choose(paths, disk.place)
    other = write_llama(tmp_path / "elsewhere")
    Registry(chosen).add(other)
    disk.unplug()
    (disk.place / ".downloading").mkdir()
    for step in (
        lambda: move_folder(chosen, tmp_path / "new", lambda: None),
        lambda: Registry(chosen).add(other),
    ):
        with pytest.raises(ProblemError, match="is not there"):
            step()
    (disk.place / ".downloading").rmdir()
    disk.plug_in()
    assert [model.path for model in Registry(chosen).list()] == [str(other)]


@pytest.mark.parametrize("inside", ["", "models"])
def test_models_stay_if_the_disk_that_they_are_moved_to_is_unplugged(
    paths: Paths, disk: Disk, inside: str
) -> None:
    for name in ("fox", "owl"):
        write_llama(paths.models / name)
    before = visible(paths.models)
    with pytest.raises(ProblemError, match="stay where they are"):
        move_folder(paths, disk.place / inside, lambda: None, lambda *_: disk.unplug())
    assert visible(paths.models) == before
    disk.plug_in()
