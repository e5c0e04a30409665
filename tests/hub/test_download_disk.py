"""Downloads on a disk that is full, read-only or holds something of that name."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path
from typing import Any

import msgspec
import pytest

from studio.downloads.download_queue import DownloadQueue
from studio.downloads.queue_folder import FOLDER, Record
from studio.formats.json_file import write_json_file
from studio.protocol import ProblemError
from tests.hub.download_bench import item_of, run
from tests.hub.server import Fault, HubServer


def test_space_for_the_whole_item_is_checked_before_the_first_byte(
    hub: HubServer, queue: DownloadQueue
) -> None:
    item = item_of(hub)
    files = tuple(msgspec.structs.replace(file, size=10**15) for file in item.files)
    failed = run(queue, msgspec.structs.replace(item, files=files))
    assert failed is not None and failed.kind == "disk_full"
    assert "3000.0 TB" in str(failed.message)
    assert hub.downloads() == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_disk_that_fills_up_keeps_what_is_there(
    hub: HubServer, queue: DownloadQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Path.open

    def open_full(path: Path, *args: Any, **names: Any) -> object:
        is_big = path.name == "model.safetensors.part"
        return original(Path("/dev/full") if is_big else path, *args, **names)

    item = item_of(hub)
    with monkeypatch.context() as patched:
        patched.setattr(Path, "open", open_full)
        failed = run(queue, item)
    assert failed is not None and failed.kind == "disk_full"
    assert run(queue, item) is None


def test_what_cannot_be_noted_on_a_full_disk_is_not_tried_over_and_over(
    hub: HubServer, queue: DownloadQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = queue.add(item_of(hub))
    full = threading.Event()

    def no_space(path: Path, value: object) -> None:
        if path.name == "state.json" and isinstance(value, Record) and value.state == "failed":
            full.set()
            raise OSError(errno.ENOSPC, "full")
        write_json_file(path, value)

    monkeypatch.setattr("studio.downloads.queue_folder.write_json_file", no_space)
    hub.faults = [Fault("hub:", times=99, status=404)]
    queue.start()
    assert full.wait(60)
    queue.close()
    assert len(hub.asked) <= 3
    hub.faults.clear()
    monkeypatch.undo()
    assert queue.run(id, threading.Event()) is None


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="needs a read-only folder")
def test_on_a_read_only_disk_the_queue_can_be_read(
    hub: HubServer, queue: DownloadQueue, models: Path
) -> None:
    id = queue.add(item_of(hub))
    for folder in (models / FOLDER, models / FOLDER / id):
        folder.chmod(0o500)
    try:
        assert [status.id for status in queue.statuses()] == [id]
        with pytest.raises(ProblemError):
            queue.pause(id)
    finally:
        for folder in (models / FOLDER, models / FOLDER / id):
            folder.chmod(0o700)


def test_an_existing_folder_is_never_overwritten(
    hub: HubServer, queue: DownloadQueue, models: Path
) -> None:
    (models / "chat").mkdir(parents=True)
    assert run(queue, item_of(hub)) is None
    assert list((models / "chat").iterdir()) == []
    assert (models / "chat-2" / "config.json").exists()
