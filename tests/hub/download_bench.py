"""A small model on the hub, downloaded by a queue."""

from __future__ import annotations

import threading
from pathlib import Path

from studio.downloads.download_queue import DownloadQueue
from studio.downloads.item import Item, ItemFile
from studio.downloads.queue_folder import FOLDER
from studio.protocol import ModelSource, Problem
from tests.hub.server import Content, HubServer

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


def run(queue: DownloadQueue, item: Item) -> Problem | None:
    return queue.run(queue.add(item), threading.Event())


def visible(models: Path) -> list[str]:
    return sorted(
        file.relative_to(models).as_posix()
        for file in models.rglob("*")
        if file.is_file() and FOLDER not in file.parts
    )
