"""One of several processes that do the same to one library: `racer NUMBER ROUNDS WHAT…`.

It waits for a line on standard input, so that all begin together. Commands run as `studio` does;
what has no command is done by the library's own methods. Printed is what the commands print, and
`{"status": …}` after each.
"""

from __future__ import annotations

import contextlib
import json
import random
import sys
import time
from collections.abc import Callable, Iterator

from studio.cli.main import run
from studio.kinds.text import TextRequest
from studio.library.store import Library
from studio.protocol import ProblemError
from studio.settings import default_paths

PROCESSES = 3
TAGS = ("night", "day", "狐")


class Racer:
    """What one process does; `number` says which of them it is."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.chance = random.Random(number)
        self.root = default_paths().library
        self.round = 0

    def studio(self, *arguments: object) -> None:
        """Run a command."""
        status = run([str(argument) for argument in arguments], lambda: 0)
        print(json.dumps({"status": status, "command": [*map(str, arguments[:2])]}), flush=True)

    @contextlib.contextmanager
    def library(self) -> Iterator[Library]:
        library = Library.open(self.root, run_queue=False)
        try:
            yield library
        finally:
            library.close()

    def some(self, library: Library, most: int = 3) -> list[str]:
        """Choose some of the results."""
        ids = [asset.id for asset in library.assets.recent()]
        return self.chance.sample(ids, min(most, len(ids)))

    # ---- what is raced

    def generate(self) -> None:
        self.studio("text", "-p", f"made by {self.number}", "--seed", self.round, "--json")

    def create(self) -> None:
        """Open new libraries, each when the others do."""
        for n in range(10):
            root = self.root.parent / f"new-{self.round}-{n}"
            root.mkdir(exist_ok=True)
            (root / f"ready-{self.number}").touch()
            while len(list(root.glob("ready-*"))) < PROCESSES:
                time.sleep(0.001)
            library = Library.open(root)
            library.queue.set_paused(self.number == 0)
            library.close()

    def enqueue(self) -> None:
        with self.library() as library:
            prompt = f"enqueued by {self.number} in {self.round}"
            library.queue.enqueue([TextRequest(prompt=prompt, seed=1)] * 20)

    def batch(self) -> None:
        table = self.root.parent / "shared.csv"
        resume = ["--resume"] if self.round else []
        self.studio("batch", table, "-o", self.root.parent / "shared", "--json", *resume)

    def queue(self) -> None:
        with self.library() as library:
            jobs = [job.id for job in library.queue.list()]
        some = self.chance.choice(jobs)
        for command in (
            ("pause",),
            ("move", some, "--first"),
            ("duplicate", some),
            ("cancel", self.chance.choice(jobs)),
            ("retry", "--failed"),
            ("retry", some),
        ):
            self.studio("queue", *command)
        with self.library() as library:
            library.queue.restore_cancelled(jobs[:3])
            library.queue.remove(self.chance.choice(jobs))

    def resume(self) -> None:
        self.studio("queue", "resume", "--json")

    def clear(self) -> None:
        with self.library() as library:
            library.queue.clear_ended()

    def mark(self) -> None:
        with self.library() as library:
            library.marks.star(self.some(library), self.chance.random() < 0.5)
            library.marks.retag(self.some(library), [TAGS[0]], [self.chance.choice(TAGS)])
            library.marks.add_to_collection("Best", self.some(library))
            library.marks.remove_from_collection("Best", self.some(library, 1))

    def trash(self) -> None:
        with self.library() as library:
            with contextlib.suppress(ProblemError):
                library.trash.put(self.some(library))
            inside = [asset.id for asset in library.trash.list()]
            # Another process may have been faster, which is said.
            with contextlib.suppress(ProblemError):
                library.trash.restore(inside[:2])

    def empty(self) -> None:
        with self.library() as library:
            library.trash.put(self.some(library, 1))
            library.trash.empty()

    def rebuild(self) -> None:
        self.studio("library", "rebuild")

    def export(self) -> None:
        with self.library() as library:
            ids = self.some(library)
        if ids:
            self.studio("library", "export", *ids, self.root.parent / "copies")

    def search(self) -> None:
        self.studio("library", "search", "fox", "--json")
        self.studio("queue", "list", "--json")

    def models(self) -> None:
        folder = self.root.parent / f"model-{self.number}"
        self.studio("models", "add", folder)
        self.studio("models", "list", "--json")
        if self.round % 2 == 0:
            self.studio("models", "remove", folder.name)


def main() -> None:
    """Run the commands named by the arguments, so many times."""
    number, rounds, *names = sys.argv[1:]
    racer = Racer(int(number))
    steps: list[Callable[[], None]] = [getattr(racer, name) for name in names]
    print("ready", flush=True)
    sys.stdin.readline()
    for racer.round in range(int(rounds)):
        for step in steps:
            step()


if __name__ == "__main__":
    main()
