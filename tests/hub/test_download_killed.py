"""A download killed in front of each of its steps on the disk: a whole model or none."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from studio.downloads.download_queue import DownloadQueue
from tests.hub.download_bench import BIG, FILES, item_of, visible
from tests.hub.server import HubServer

POINTS = 6
"""Steps that are visited, evenly spread; all of them if POINTS_OF_DOWNLOAD is set."""

CHILD = """
import sys, threading
from pathlib import Path
from studio.downloads.download_queue import DownloadQueue
from tests.crash import shim
models, id, point = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
counter = shim.install(models, point if point >= 0 else None)
problem = DownloadQueue(models).run(id, threading.Event())
print(len(counter.seen), problem)
"""


def run_child(models: Path, id: str, point: int) -> str:
    command = [sys.executable, "-c", CHILD, str(models), id, str(point)]
    ran = subprocess.run(command, capture_output=True, text=True)
    assert ran.returncode in (0, -9), ran.stderr
    return ran.stdout


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills with a signal")
def test_a_download_killed_at_any_step_leaves_a_whole_model_or_none(
    hub: HubServer, tmp_path: Path
) -> None:
    hub.add("tiny/chat", dict(FILES))
    item = item_of(hub)
    models = tmp_path / "models"
    models.mkdir()
    whole = sorted(f"chat/{name}" for name in [*FILES, "source.json"])
    id = DownloadQueue(models).add(item)
    steps = int(run_child(models, id, -1).split()[0])
    assert visible(models) == whole
    few = [(2 * number + 1) * steps // (2 * POINTS) for number in range(POINTS)]
    for point in range(steps) if "POINTS_OF_DOWNLOAD" in os.environ else few:
        shutil.rmtree(models)
        models.mkdir()
        DownloadQueue(models).add(item)
        run_child(models, id, point)
        assert visible(models) in ([], whole), f"killed at step {point} of {steps}"
        (status,) = DownloadQueue(models).statuses()
        assert status.state in ("waiting", "done")
        assert DownloadQueue(models).run(id, threading.Event()) is None
        assert visible(models) == whole, f"killed at step {point} of {steps}"
        assert (models / "chat" / "model.safetensors").read_bytes() == BIG
