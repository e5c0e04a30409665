"""The queue against a hub: whole models or nothing, resumed at the byte reached."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path
from typing import Any

import msgspec
import pytest

from studio.downloads.download_queue import DownloadQueue
from studio.downloads.queue_folder import FOLDER, QueueFolder
from studio.downloads.ranged_download import TRIES
from studio.protocol import ModelSource
from tests.hub.download_bench import BIG, BIG_NAME, FILES, item_of, run, visible
from tests.hub.received import wait_for, when_received
from tests.hub.server import Fault, HubServer


def test_a_model_appears_when_every_file_is_complete(
    hub: HubServer, queue: DownloadQueue, models: Path
) -> None:
    seen: list[list[str]] = []
    hub.call_at(len(BIG) // 2, lambda: seen.append(visible(models)))
    item = item_of(hub)
    assert run(queue, item) is None
    assert seen == [[]]
    assert visible(models) == [f"chat/{name}" for name in sorted([*FILES, "source.json"])]
    status = queue.status(item.id)
    assert status is not None
    assert (status.state, status.done, status.files_done) == ("done", item.size, 3)
    assert status.folder == str(models / "chat")


def test_an_interrupted_item_resumes_at_the_byte_reached(
    hub: HubServer, queue: DownloadQueue, models: Path
) -> None:
    hub.faults = [Fault("storage:", cut=300_000), Fault("storage:", TRIES, status=503)]
    item = item_of(hub)
    failed = run(queue, item)
    assert failed is not None and failed.kind == "model_missing"
    status = queue.status(item.id)
    assert status is not None and status.state == "failed"
    assert status.done == 300_000 + sum(len(x) for x in (b"{}", b'{"a": 1}'))
    assert visible(models) == []
    hub.asked.clear()
    assert run(queue, item) is None
    assert {asked.range for asked in hub.downloads()} == {"bytes=300000-"}
    assert (models / "chat" / "model.safetensors").read_bytes() == BIG


def test_a_file_with_a_wrong_hash_never_becomes_a_model(
    hub: HubServer, queue: DownloadQueue, models: Path
) -> None:
    damaged = BIG[:-1] + b"x"
    hub.faults = [Fault("storage:", times=9, body=damaged)]
    failed = run(queue, item_of(hub))
    assert failed is not None and failed.kind == "model_broken"
    assert visible(models) == []


def test_a_file_that_grew_meanwhile_is_refused(hub: HubServer, queue: DownloadQueue) -> None:
    hub.faults = [
        Fault("storage:", cut=1000),
        Fault("storage:", 9, body=BIG + b"x", headers={"ETag": '"new"'}),
    ]
    failed = run(queue, item_of(hub))
    assert failed is not None and "has changed on the server" in str(failed.message)


def test_a_server_that_ignores_ranges_sends_the_file_again(
    hub: HubServer, queue: DownloadQueue, models: Path
) -> None:
    hub.faults = [Fault("storage:", cut=1000), Fault("storage:", ignores_ranges=True)]
    assert run(queue, item_of(hub)) is None
    assert (models / "chat" / "model.safetensors").read_bytes() == BIG


@pytest.mark.parametrize(
    ("status", "headers", "words"),
    [
        (401, {}, "save an access token"),
        (403, {"X-Error-Code": "GatedRepo"}, "accept its terms. Accept them at http://127.0.0.1"),
        (404, {}, "no file at this address"),
        (429, {"Retry-After": "7200"}, "busy. Try again in 120 min"),
        (500, {}, "could not be resumed"),
    ],
)
def test_a_refusal_is_a_sentence_and_nothing_is_lost(
    hub: HubServer, queue: DownloadQueue, status: int, headers: dict[str, str], words: str
) -> None:
    hub.faults = [Fault("hub:/tiny/chat/resolve", times=99, status=status, headers=headers)]
    item = item_of(hub)
    failed = run(queue, item)
    assert failed is not None and words in str(failed.message)
    hub.faults.clear()
    assert run(queue, item) is None


def test_the_token_stays_with_the_host_it_is_for(hub: HubServer, models: Path) -> None:
    def token_of(url: str) -> str:
        return "hf_secret" if url.startswith(hub.endpoint) else ""

    assert run(DownloadQueue(models, token_of=token_of), item_of(hub)) is None
    assert {asked.token for asked in hub.asked if asked.host == "hub"} == {"hf_secret"}
    assert {asked.token for asked in hub.asked if asked.host == "storage"} == {""}
    written = [file.read_bytes() for file in models.rglob("*") if file.is_file()]
    assert not any(b"hf_secret" in content for content in written)


def test_without_network_the_queue_waits_and_says_so_once(
    hub: HubServer, queue: DownloadQueue
) -> None:
    item = item_of(hub)
    other = msgspec.structs.replace(item, folder="other", source=ModelSource("hub", "x/y"))
    hub.close()
    ids = [queue.add(item), queue.add(other)]
    queue.start()

    def states() -> list[tuple[str, bool]]:
        return [(status.state, status.problem is not None) for status in queue.statuses()]

    wait_for(lambda: states() == [("waiting", True), ("waiting", False)])
    assert queue.offline is not None and "cannot be reached" in str(queue.offline.message)
    assert len(ids) == 2


def test_items_are_paused_resumed_reordered_and_cancelled(
    hub: HubServer, queue: DownloadQueue, models: Path
) -> None:
    items = [
        msgspec.structs.replace(item_of(hub), folder=name, source=ModelSource("hub", name))
        for name in "abc"
    ]
    a, b, c = (queue.add(item) for item in items)
    queue.pause(a)
    queue.move(c, before=b)
    queue.cancel(b, remove=True)
    assert [(x.id, x.state) for x in queue.statuses()] == [(a, "paused"), (c, "waiting")]
    queue.start()
    wait_for(lambda: [x.state for x in queue.statuses()] == ["paused", "done"])
    queue.resume(a)
    wait_for(lambda: [x.state for x in queue.statuses()] == ["done", "done"])
    queue.clear_finished()
    assert queue.statuses() == ()
    assert {path.name for path in models.iterdir()} == {"a", "c", FOLDER}


def test_an_item_that_is_being_cleared_is_not_taken_for_one_that_waits(
    hub: HubServer, queue: DownloadQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue.add(item_of(hub))
    queue.start()
    wait_for(lambda: [x.state for x in queue.statuses()] == ["done"])
    remove, found = shutil.rmtree, []

    def halfway(folder: Path, **more: Any) -> None:
        (folder / "state.json").unlink(missing_ok=True)
        found.append(queue.statuses())
        remove(folder, **more)

    monkeypatch.setattr(shutil, "rmtree", halfway)
    queue.clear_finished()
    assert found == [()]


@pytest.mark.parametrize("remove", [True, False])
def test_a_running_item_can_be_cancelled_with_or_without_its_files(
    hub: HubServer, queue: DownloadQueue, models: Path, remove: bool
) -> None:
    item = item_of(hub)
    changes: list[str] = []
    queue.listen(lambda: changes.append(threading.current_thread().name))
    when_received(hub, models, BIG_NAME, 100_000, lambda: queue.cancel(item.id, remove=remove))
    failed = run(queue, item)
    assert failed is not None and failed.kind == "cancelled"
    assert queue.statuses() == ()
    assert changes
    kept = QueueFolder(models).files(item.id)
    assert kept.exists() != remove
    hub.asked.clear()
    assert run(queue, item) is None
    assert any(asked.range for asked in hub.downloads("model.safetensors")) != remove


def test_a_finished_model_is_not_downloaded_again_until_it_is_deleted(
    hub: HubServer, queue: DownloadQueue, models: Path
) -> None:
    item = item_of(hub)
    assert run(queue, item) is None
    hub.asked.clear()
    assert run(queue, item) is None
    assert hub.asked == []
    shutil.rmtree(models / "chat")
    assert run(queue, item) is None
    assert (models / "chat" / "model.safetensors").exists()
