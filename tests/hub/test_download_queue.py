"""The queue against a hub: whole models or nothing, resumed at the byte reached."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from studio.downloads.download_queue import DownloadQueue
from studio.downloads.item import Item, ItemFile
from studio.downloads.queue_folder import FOLDER, QueueFolder, Record
from studio.downloads.ranged_download import TRIES
from studio.formats.json_file import write_json_file
from studio.protocol import ModelSource, Problem, ProblemError
from tests.hub.received import wait_for, when_received
from tests.hub.server import Content, Fault, HubServer

BIG = bytes(range(256)) * 4096
BIG_NAME = "model.safetensors"
FILES: dict[str, Content] = {
    "config.json": b"{}",
    "model.safetensors": BIG,
    "tokenizer/vocab.json": b'{"a": 1}',
}


def item_of(hub: HubServer, name: str = "tiny/chat", folder: str = "chat") -> Item:
    repository = hub.repositories[name]
    files = tuple(
        ItemFile(
            file,
            f"{hub.endpoint}/{name}/resolve/{repository.commit}/{file}",
            repository.size(file),
            repository.sha256(file) if file.endswith(".safetensors") else "",
        )
        for file in repository.files
    )
    source = ModelSource("hub", name, repository.commit)
    return Item(name, folder, files, source, texts={"source.json": "{}"})


@pytest.fixture
def models(tmp_path: Path, hub: HubServer) -> Path:
    hub.add("tiny/chat", dict(FILES))
    return tmp_path / "模型 models"


@pytest.fixture
def queue(models: Path) -> Iterator[DownloadQueue]:
    opened = DownloadQueue(models, retry_pause=0.0)
    yield opened
    opened.close()


def run(queue: DownloadQueue, item: Item) -> Problem | None:
    return queue.run(queue.add(item), threading.Event())


def visible(models: Path) -> list[str]:
    return sorted(
        file.relative_to(models).as_posix()
        for file in models.rglob("*")
        if file.is_file() and FOLDER not in file.parts
    )


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


def test_space_for_the_whole_item_is_checked_before_the_first_byte(
    hub: HubServer, queue: DownloadQueue, models: Path
) -> None:
    models.mkdir(parents=True)
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


def test_a_closed_app_resumes_its_download_at_the_next_start(hub: HubServer, models: Path) -> None:
    item = item_of(hub)
    first = DownloadQueue(models)
    reached = threading.Event()

    def pause() -> None:
        first.pause(item.id)
        reached.set()

    when_received(hub, models, BIG_NAME, 200_000, pause)
    id = first.add(item)
    first.start()
    assert reached.wait(10)
    first.resume(id)
    first.close()
    assert [status.state for status in first.statuses()] == ["waiting"]
    second = DownloadQueue(models)
    second.start()
    wait_for(lambda: second.statuses()[0].state == "done")
    second.close()
    assert (models / "chat" / "model.safetensors").read_bytes() == BIG


CHILD = """
import sys, threading
from pathlib import Path
from studio.downloads.download_queue import DownloadQueue
problem = DownloadQueue(Path(sys.argv[1])).run(sys.argv[2], threading.Event())
print("problem", problem)
"""


def start_child(models: Path, id: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", CHILD, str(models), id], stdout=subprocess.PIPE)


def test_a_killed_process_leaves_a_download_that_the_next_resumes(
    hub: HubServer, queue: DownloadQueue, models: Path
) -> None:
    item = item_of(hub)
    id = queue.add(item)
    children: list[subprocess.Popen[bytes]] = []
    when_received(hub, models, BIG_NAME, 400_000, lambda: children[0].kill())
    children.append(start_child(models, id))
    children[0].communicate()
    status = queue.status(id)
    assert status is not None and (status.state, status.elsewhere) == ("waiting", False)
    assert status.done >= 400_000
    assert visible(models) == []
    assert run(queue, item) is None
    resumed = [asked.range for asked in hub.downloads("model.safetensors")]
    assert resumed[-1] == "bytes=400000-"
    assert (models / "chat" / "model.safetensors").read_bytes() == BIG


def test_a_download_of_another_process_can_be_paused(
    hub: HubServer, queue: DownloadQueue, models: Path
) -> None:
    id = queue.add(item_of(hub))

    def pause() -> None:
        queue.pause(id)
        wait_for(lambda: not QueueFolder(models).is_claimed(id))

    when_received(hub, models, BIG_NAME, 400_000, pause)
    out, _ = start_child(models, id).communicate()
    assert b"cancelled" in out
    status = queue.status(id)
    assert status is not None and (status.state, status.elsewhere) == ("paused", False)
    queue.resume(id)
    assert queue.run(id, threading.Event()) is None


def test_two_processes_do_not_download_the_same_twice(
    hub: HubServer, queue: DownloadQueue, models: Path
) -> None:
    id = queue.add(item_of(hub))
    seen: list[bool] = []
    second: list[subprocess.Popen[bytes]] = []

    def meanwhile() -> None:
        status = queue.status(id)
        seen.append(status is not None and status.elsewhere)
        second.append(start_child(models, id))

    hub.call_at(400_000, meanwhile)
    first = start_child(models, id)
    assert b"problem None" in first.communicate()[0]
    assert b"problem None" in second[0].communicate()[0]
    assert seen == [True]
    assert len([asked for asked in hub.asked if asked.host == "storage"]) == 1
    assert [path.name for path in models.iterdir() if path.name != FOLDER] == ["chat"]


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
    assert full.wait(10)
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
