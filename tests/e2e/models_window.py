"""The app as usual, with models got in the models dialog and used. Started by the tests.

The argument is JSON: `get` are repositories to get; `use` are the models to use once all downloads
are done, by repository, as `{"text": …, "image": …, "lora": …, "upscale": …, "picture": path}`.
Prints a JSON line for each: `{"queued": repository}`, `{"done": titles}`, `{"path": result}`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QPushButton, QWidget

from studio.kinds.image import ImageRequest
from studio.library.records import Asset
from studio.protocol import Adapter, Failed
from studio.ui.app import main
from studio.ui.main_window import MainWindow
from studio.ui.models.downloads import downloads_of
from studio.ui.models.models_dialog import ModelsDialog

POLL_MS = 20


class Person:
    """Does what a person would, one step after another; a step waits for a condition."""

    def __init__(self, wanted: dict[str, Any]) -> None:
        self.wanted = wanted
        self.window = next(w for w in QApplication.topLevelWidgets() if isinstance(w, MainWindow))
        self.results: list[str] = []
        reports = self.window.state.reports
        reports.asset_saved.connect(self.saved)
        reports.failed.connect(self.failed)
        self.steps = self.all_steps()
        self.until: Callable[[], object] = lambda: self.window.state.models_known
        self.timer = QTimer(self.window)
        self.timer.timeout.connect(self.turn)
        self.timer.start(POLL_MS)

    def turn(self) -> None:
        if self.until():
            try:
                self.until = next(self.steps)
            except StopIteration:
                self.timer.stop()
                self.window.close()

    def all_steps(self) -> Iterator[Callable[[], object]]:
        for repository in self.wanted["get"]:
            yield from self.get(repository)
        if not self.wanted["use"]:
            yield lambda: False  # until the test kills it
        yield self.all_done
        titles = [status.title for status in downloads_of(self.window.state).statuses]
        print(json.dumps({"done": titles}), flush=True)
        yield from self.use(**self.wanted["use"])

    def get(self, repository: str) -> Iterator[Callable[[], object]]:
        self.window.find_models()
        dialog = self.window.findChild(ModelsDialog)
        assert isinstance(dialog, ModelsDialog)
        dialog.get.words.clear()
        QTest.keyClicks(dialog.get.words, repository)
        QTest.mouseClick(dialog.get.search_button, Qt.MouseButton.LeftButton)
        row = dialog.get.results.rows[0]
        yield row.get.isEnabled
        QTest.mouseClick(row.get, Qt.MouseButton.LeftButton)
        question: Any = dialog.get.getter.question
        if question is not None:
            QTest.mouseClick(question.get, Qt.MouseButton.LeftButton)
        yield lambda: "added to the downloads" in dialog.get.status.text()
        print(json.dumps({"queued": repository}), flush=True)

    def all_done(self) -> bool:
        statuses = downloads_of(self.window.state).statuses
        places = {model.source.place for model in self.window.state.all_models}
        names = ("text", "image", "lora", "upscale")
        wanted = {self.wanted["use"][name] for name in names}
        return {status.state for status in statuses} == {"done"} and wanted <= places

    def id_of(self, repository: str) -> str:
        models = self.window.state.all_models
        return next(model.id for model in models if model.source.place == repository)

    def use(
        self, text: str, image: str, lora: str, upscale: str, picture: str
    ) -> Iterator[Callable[[], object]]:
        tab: Any = self.window.tabs.show_task("text")
        tab.model.set_model_id(self.id_of(text))
        QTest.keyClicks(self.find("text.prompt"), "Hi")
        yield from self.run("text")
        self.window.restore(
            ImageRequest(
                prompt="a cat",
                model=self.id_of(image),
                width=64,
                height=64,
                steps=2,
                adapters=(Adapter(self.id_of(lora), 1.0),),
            )
        )
        yield from self.run("image")
        self.window.send("upscale", [Path(picture)])
        tab = self.window.tab("upscale")
        tab.model.set_model_id(self.id_of(upscale))
        yield from self.run("upscale")

    def run(self, task: str) -> Iterator[Callable[[], object]]:
        before = len(self.results)
        button = self.find(f"{task}.generate")
        assert isinstance(button, QPushButton)
        yield button.isEnabled
        QTest.mouseClick(button, Qt.MouseButton.LeftButton)
        yield lambda: len(self.results) > before

    def find(self, name: str) -> QWidget:
        found = self.window.findChild(QWidget, name)
        assert found is not None, name
        return found

    def saved(self, asset: Asset) -> None:
        self.results.append(str(asset.path))
        print(json.dumps({"path": str(asset.path)}), flush=True)

    def failed(self, report: Failed) -> None:
        print(json.dumps({"failed": str(report.problem.message)}), flush=True)
        self.timer.stop()
        self.window.close()


def watched() -> int:
    """Begin once the event loop runs."""
    people: list[Person] = []
    QTimer.singleShot(0, lambda: people.append(Person(json.loads(sys.argv[1]))))
    return run()


if __name__ == "__main__":
    run = QApplication.exec
    QApplication.exec = staticmethod(watched)  # type: ignore[method-assign]  # the app calls it so
    sys.exit(main(["studio"]))
