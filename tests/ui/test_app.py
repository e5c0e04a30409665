"""The app as it is started: in a process of its own, in the user's language, without torch."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from studio.settings import Paths, Settings, save_settings

ROOT = Path(__file__).parent.parent.parent

# Closes the window as soon as all of it is there, and says what was seen.
SCRIPT = """
import json, sys
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

from studio.ui.app import main

run = QApplication.exec
seen = {}

def look():
    window = next(w for w in QApplication.topLevelWidgets() if w.objectName() == "window")
    if not (window.is_complete and window.state.models_known):
        QTimer.singleShot(20, look)
        return
    seen["tabs"] = [window.tabs.tabText(place) for place in range(3)]
    seen["messages"] = [message.text for message in window.messages.messages]
    window.close()

def watched():
    QTimer.singleShot(0, look)
    return run()

if __name__ == "__main__":
    QApplication.exec = staticmethod(watched)
    status = main(["studio"])
    heavy = {"torch", "transformers", "diffusers", "numpy"} & set(sys.modules)
    print(json.dumps({**seen, "status": status, "heavy": sorted(heavy)}))
"""


def start(tmp_path: Path) -> dict[str, object]:
    script = tmp_path / "start.py"
    script.write_text(SCRIPT, encoding="utf-8")
    answer = subprocess.run(
        [sys.executable, str(script)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert answer.returncode == 0, answer.stderr
    found: dict[str, object] = json.loads(answer.stdout.splitlines()[-1])
    return found


def test_the_app_opens_closes_and_never_imports_a_model_library(
    home: Paths, tmp_path: Path
) -> None:
    save_settings(home.settings, Settings(language="en"))
    assert start(tmp_path) == {
        "tabs": ["Text", "Image", "Upscale"],
        "messages": [],
        "status": 0,
        "heavy": [],
    }


def test_the_app_speaks_chinese_and_says_what_was_damaged(home: Paths, tmp_path: Path) -> None:
    save_settings(home.settings, Settings(language="zh_CN"))
    home.settings.with_name("conversation.json").write_text("{", encoding="utf-8")
    found = start(tmp_path)
    assert found["tabs"] == ["文本", "图像", "放大"]
    assert "对话" in str(found["messages"])
