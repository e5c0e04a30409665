"""A hub and folders of its own for each test, and no token of this machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import keyring
import pytest
from keyring.backends import fail

from studio.downloads.download_queue import DownloadQueue
from studio.settings import Paths
from tests.hub.download_bench import FILES
from tests.hub.server import HubServer, running_hub


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    home = tmp_path / "家 home"
    return Paths(
        settings=home / "settings.json",
        library=home / "library",
        models=home / "models",
        starter=home / "starter",
        logs=home / "logs",
        cache=home / "cache",
    )


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[HubServer]:
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf-home"))
    keyring.set_keyring(fail.Keyring())  # type: ignore[no-untyped-call]  # of the library
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_ENDPOINT", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    with running_hub() as running:
        monkeypatch.setenv("HF_ENDPOINT", running.endpoint)
        yield running


@pytest.fixture
def models(tmp_path: Path, hub: HubServer) -> Path:
    hub.add("tiny/chat", dict(FILES))
    folder = tmp_path / "模型 models"
    folder.mkdir()
    return folder


@pytest.fixture
def queue(models: Path) -> Iterator[DownloadQueue]:
    opened = DownloadQueue(models, retry_pause=0.0)
    yield opened
    opened.close()
