"""The app in a process of its own: in the language of the user, without torch."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from pytestqt.qtbot import QtBot

from studio.settings import Paths, Settings, save_settings
from studio.ui.app import SWITCH_INTERVAL_S

ROOT = Path(__file__).parent.parent.parent

# Close the window once it is complete, and print what it showed.
SCRIPT = """
import gc, json, sys
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

from studio.ui.app import main

run = QApplication.exec
seen = {}

def look():
    window = next(w for w in QApplication.topLevelWidgets() if w.objectName() == "window")
    is_told = window.messages.messages or "message" not in sys.argv
    is_built = window.is_complete and gc.get_freeze_count()
    if not (is_built and window.state.models_known and is_told):
        QTimer.singleShot(20, look)
        return
    seen["tabs"] = [window.tabs.tabText(place) for place in range(window.tabs.count())]
    seen["messages"] = [message.text for message in window.messages.messages]
    window.close()

def watched():
    QTimer.singleShot(0, look)
    return run()

if __name__ == "__main__":
    QApplication.exec = staticmethod(watched)
    status = main(["studio"])
    seen["switch"] = sys.getswitchinterval()
    heavy = {"torch", "transformers", "diffusers", "numpy"} & set(sys.modules)
    print(json.dumps({**seen, "status": status, "heavy": sorted(heavy)}))
"""


def start(tmp_path: Path, *waits_for: str) -> dict[str, object]:
    script = tmp_path / "start.py"
    script.write_text(SCRIPT, encoding="utf-8")
    answer = subprocess.run(
        [sys.executable, str(script), *waits_for],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert answer.returncode == 0, answer.stderr
    found: dict[str, object] = json.loads(answer.stdout.splitlines()[-1])
    return found


def test_the_app_opens_and_closes_without_importing_a_model_library_and_stays_fluid(
    home: Paths, tmp_path: Path
) -> None:
    save_settings(home.settings, Settings(language="en"))
    assert start(tmp_path) == {
        "tabs": [
            *("Text", "Image", "Upscale", "Voice", "Transcribe", "Video", "Film", "Clip"),
            *("Music", "Library"),
        ],
        "messages": [],
        "switch": SWITCH_INTERVAL_S,
        "status": 0,
        "heavy": [],
    }


def test_the_app_reports_a_damaged_file_in_chinese(home: Paths, tmp_path: Path) -> None:
    save_settings(home.settings, Settings(language="zh_CN"))
    home.settings.with_name("conversation.json").write_text("{", encoding="utf-8")
    found = start(tmp_path, "message")
    titles = ["文本", "图像", "放大", "语音", "转写", "视频", "影片", "短片", "音乐", "资料库"]
    assert found["tabs"] == titles
    assert "对话" in str(found["messages"])


# Type a prompt and choose Chinese; the window that opens then writes what it shows.
RESTARTED = """
import json, pathlib, sys
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

from studio.ui.app import main

run = QApplication.exec
found = pathlib.Path(sys.argv[1])
before = found.with_name("before")

def look():
    window = next(w for w in QApplication.topLevelWidgets() if w.objectName() == "window")
    if not (window.is_complete and window.state.models_known):
        QTimer.singleShot(20, look)
        return
    prompt = window.tab("text").prompt
    if not before.exists():
        before.touch()
        prompt.setPlainText("half a thought")
        window.open_settings()
        dialog = window.findChild(object, "settings")
        dialog.language.setCurrentIndex(dialog.language.findData("zh_CN"))
        return
    seen = [window.tabs.tabText(0), prompt.text(), window.state.library.is_owner]
    window.close()
    found.with_name("part").write_text(json.dumps(seen))
    found.with_name("part").rename(found)

def watched():
    QTimer.singleShot(0, look)
    return run()

if __name__ == "__main__":
    QApplication.exec = staticmethod(watched)
    sys.exit(main(["studio"]))
"""


def test_a_new_language_is_applied_at_once_and_keeps_the_prompt(
    home: Paths, tmp_path: Path, qtbot: QtBot
) -> None:
    save_settings(home.settings, Settings(language="en"))
    script = tmp_path / "restarted.py"
    script.write_text(RESTARTED, encoding="utf-8")
    found = tmp_path / "found.json"
    ran = subprocess.run(
        [sys.executable, str(script), str(found)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stderr
    qtbot.waitUntil(found.exists, timeout=30_000)
    assert json.loads(found.read_text()) == ["文本", "half a thought", True]
