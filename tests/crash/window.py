"""The app's window with somebody at work in it, without end: `random_kills.py` kills it.

Prompts are sent, results starred and moved to the trash and back, waiting jobs cancelled; it
begins with the resumption of interrupted jobs. `ready` is printed when the library is open.
"""

from __future__ import annotations

import random
import sys

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

from studio.kinds.image import ImageRequest
from studio.kinds.text import TextRequest
from studio.library.store import Library
from studio.protocol import ProblemError
from studio.ui.app import main
from studio.ui.main_window import MainWindow

STEP_MS = 20
run = QApplication.exec


class Worker:
    """Does the next thing every `STEP_MS`."""

    def __init__(self) -> None:
        self.chance = random.Random(sys.argv[1])
        self.window = next(w for w in QApplication.topLevelWidgets() if isinstance(w, MainWindow))
        self.timer = QTimer(self.window)
        self.timer.timeout.connect(self.step)
        self.window.state.library_opened.connect(self.begin)

    def begin(self) -> None:
        library = self.window.state.library
        assert library is not None
        if library.notice is not None:
            print(f"notice {library.notice.message}", flush=True)
        print("ready", flush=True)
        self.window.state.change_jobs(lambda library: library.retries.resume_interrupted())
        self.timer.start(STEP_MS)

    def step(self) -> None:
        state, seed = self.window.state, self.chance.randrange(2**31)
        match self.chance.choice(("text", "image", "mark", "trash", "restore", "cancel", "wait")):
            case "text":
                state.submit([TextRequest(prompt="a tale", seed=seed, count=2)])
            case "image":
                state.submit([ImageRequest(prompt="a fox", seed=seed)])
            case "cancel":
                state.change_jobs(lambda library: library.queue.cancel_waiting())
            case "mark":
                state.change_assets(state, lambda library: self.mark(library))
            case "trash":
                state.change_assets(state, lambda library: library.trash.put(self.some(library)))
            case "restore":
                state.change_assets(state, self.restore)

    def some(self, library: Library) -> list[str]:
        ids = [asset.id for asset in library.assets.recent(limit=20)]
        return self.chance.sample(ids, min(2, len(ids)))

    def mark(self, library: Library) -> None:
        library.marks.star(self.some(library), self.chance.random() < 0.5)
        library.marks.retag(self.some(library), ["day"], ["night"])

    @staticmethod
    def restore(library: Library) -> None:
        try:
            library.trash.restore([asset.id for asset in library.trash.list()])
        except ProblemError as error:
            print(f"problem {error.problem.message}", flush=True)


def watched() -> int:
    """Begin once the event loop runs."""
    workers: list[Worker] = []
    QTimer.singleShot(0, lambda: workers.append(Worker()))
    return run()


if __name__ == "__main__":
    QApplication.exec = staticmethod(watched)  # type: ignore[method-assign]  # the app calls it so
    sys.exit(main(["studio"]))
