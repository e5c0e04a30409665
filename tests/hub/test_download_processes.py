"""Downloads that a kill, the end of the app or another process interrupts."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

from studio.downloads.download_queue import DownloadQueue
from studio.downloads.queue_folder import FOLDER, QueueFolder
from tests.hub.download_bench import BIG, BIG_NAME, item_of, run, visible
from tests.hub.received import wait_for, when_received
from tests.hub.server import HubServer


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
    assert reached.wait(60)
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
