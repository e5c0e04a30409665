"""Get models and Downloads in the models dialog, with a hub on this machine."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import keyring
import pytest
from keyring.backends import fail
from PySide6.QtCore import QByteArray, QMimeData, QPointF, Qt
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QToolButton, QTreeWidget, QWidget
from pytestqt.qtbot import QtBot

from studio.downloads.download_queue import DownloadQueue
from studio.jobs import get_model
from studio.models.source_file import SOURCE_FILE, SourceFile, source_text
from studio.protocol import DeviceMemory, ModelSource
from studio.settings import Paths
from studio.ui.main_window import MainWindow
from studio.ui.models.delete_question import DeleteQuestion
from studio.ui.models.download_reordering import MIME_TYPE
from studio.ui.models.download_row import DownloadRow
from studio.ui.models.downloads import downloads_of
from studio.ui.models.models_dialog import ModelsDialog
from tests.hub.server import HubServer, running_hub
from tests.unit.model_files import write_gguf, write_json, write_llama, write_safetensors

BIG = 3_000_000
BLOCKED_S = 600
"""Longer than the slowest machine needs until the gate is opened."""
LORA = "lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn2_to_k.lora_down.weight"


def entry(id: str, name: str, repository: str, **fields: Any) -> dict[str, Any]:
    variant = {"repository": repository, "precision": "bf16", "size": 471, "memory": {"cpu": 0.1}}
    texts = {"purpose": {"en": f"{name} is for tests.", "zh": f"{name}，测试用。"}}
    rest = {"task": "text", "uses": ["write"], "licence": "MIT", "variants": [variant]}
    return {"id": id, "name": name, **texts, **rest, **fields}


@pytest.fixture
def hub(home: Paths, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[HubServer]:
    """A hub with small models, which are all that the catalogue offers."""
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf-home"))
    keyring.set_keyring(fail.Keyring())  # type: ignore[no-untyped-call]  # of the library
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(get_model, "DownloadQueue", partial(DownloadQueue, retry_pause=0.001))
    kind = {"cpu": 10_000.0}
    huge = entry("huge", "Huge", "tiny/huge", languages=["zh"])
    huge["variants"][0]["memory"] = kind
    entries = [
        huge,
        entry("tiny", "Tiny chat", "tiny/chat", languages=["zh", "en"]),
        entry("gated", "Gated chat", "tiny/gated", conditions={"en": "Be kind.", "zh": "友善。"}),
        entry("slow", "Slow", "tiny/slow"),
    ]
    use = {"id": "write", "title": {"en": "Write", "zh": "写作"}, "task": "text"}
    catalogue = {"schema": 1, "replaces": True, "uses": [use], "entries": entries}
    write_json(home.settings.parent / "catalogue.json", catalogue)
    with running_hub() as running:
        monkeypatch.setenv("HF_ENDPOINT", running.endpoint)
        chat = write_llama(tmp_path / "chat")
        running.add("tiny/chat", chat, pipeline_tag="text-generation", tags=["license:mit"])
        running.add("tiny/gated", chat, pipeline_tag="text-generation", gated="manual")
        running.add("tiny/pickles", {"config.json": b"{}", "pytorch_model.bin": b"x"})
        slow = write_llama(tmp_path / "slow")
        tensors: dict[str, tuple[int, ...]] = {"model.embed_tokens.weight": (BIG // 32, 8)}
        write_safetensors(slow / "model.safetensors", tensors)
        running.add("tiny/slow", slow)
        yield running


@pytest.fixture
def dialog(hub: HubServer, open_window: Callable[[], MainWindow], qtbot: QtBot) -> ModelsDialog:
    assert hub.asked == []
    return open_dialog(open_window(), qtbot)


def open_dialog(window: MainWindow, qtbot: QtBot) -> ModelsDialog:
    window.find_models("text")
    found = window.findChild(ModelsDialog)
    assert isinstance(found, ModelsDialog)
    qtbot.waitUntil(lambda: len(found.get.cards) == 4, timeout=10_000)
    return found


@pytest.mark.usefixtures("hub")
def test_a_hidden_page_lays_out_no_card(
    open_window: Callable[[], MainWindow], qtbot: QtBot
) -> None:
    """All cards at once would stop the window when the page is shown."""
    window = open_window()
    window.open_models("text")
    dialog = window.findChild(ModelsDialog)
    assert isinstance(dialog, ModelsDialog)
    qtbot.waitUntil(lambda: len(dialog.get.cards) == 4, timeout=10_000)
    assert all(card.isHidden() for card in dialog.get.cards.values())
    dialog.show_get("text")
    qtbot.waitUntil(lambda: all(card.isVisible() for card in dialog.get.cards.values()))


def rows_of(view: QTreeWidget) -> list[str]:
    flags = Qt.MatchFlag.MatchContains | Qt.MatchFlag.MatchRecursive
    return [item.text(0) for item in view.findItems("", flags)]


def wait_for_bytes(qtbot: QtBot, dialog: ModelsDialog, title: str) -> DownloadRow:
    row = wait_for(qtbot, dialog, title, "running")
    qtbot.waitUntil(lambda: row.status is not None and row.status.done > 500_000, timeout=20_000)
    return row


def window_of(dialog: ModelsDialog) -> MainWindow:
    window = dialog.parent()
    assert isinstance(window, MainWindow)
    return window


def downloads_in_order(dialog: ModelsDialog) -> list[str]:
    return [status.title for status in downloads_of(window_of(dialog).state).statuses]


def rows_from_the_top(dialog: ModelsDialog) -> list[str]:
    rows = sorted(dialog.downloads.rows.values(), key=lambda row: row.y())
    return [row.status.title for row in rows if row.status is not None]


def row_of(dialog: ModelsDialog, title: str) -> DownloadRow | None:
    for row in dialog.downloads.rows.values():
        if row.status is not None and row.status.title == title:
            return row
    return None


def drop(dialog: ModelsDialog, qtbot: QtBot, title: str, *, below: str | None) -> None:
    """Drop an item below another, or at the top, as its row when it is dragged."""
    # Rows that have changed places are laid out by a later event.
    qtbot.waitUntil(lambda: rows_from_the_top(dialog) == downloads_in_order(dialog))
    view = dialog.downloads.findChild(QWidget, "downloads.view")
    row, other = row_of(dialog, title), row_of(dialog, below or title)
    assert isinstance(view, QWidget) and row is not None and row.status and other is not None
    place = QPointF(10, other.geometry().bottom() - 2 if below else 1)
    data = QMimeData()
    data.setData(MIME_TYPE, QByteArray(row.status.id.encode()))
    keys = Qt.KeyboardModifier.NoModifier
    rest = (Qt.DropAction.MoveAction, data, Qt.MouseButton.LeftButton, keys)
    QApplication.sendEvent(view, QDragEnterEvent(place.toPoint(), *rest))
    line = view.findChild(QWidget, "downloads.drop_line")
    assert isinstance(line, QWidget) and not line.isHidden()
    QApplication.sendEvent(view, QDropEvent(place, *rest))
    assert line.isHidden()


def wait_for(qtbot: QtBot, dialog: ModelsDialog, title: str, state: str) -> DownloadRow:
    def is_there() -> bool:
        row = row_of(dialog, title)
        return row is not None and row.status is not None and row.status.state == state

    qtbot.waitUntil(is_there, timeout=20_000)
    found = row_of(dialog, title)
    assert found is not None
    return found


def test_a_model_is_got_with_one_click_and_is_selectable_at_once(
    dialog: ModelsDialog, qtbot: QtBot
) -> None:
    window = window_of(dialog)
    card = dialog.get.cards["tiny"]
    assert card.isVisible() and "471 B" in card.get.text()
    card.get.click()
    qtbot.waitUntil(lambda: len(window.state.models("text")) == 2, timeout=20_000)
    tab: Any = window.tab("text")
    qtbot.waitUntil(lambda: tab.model.combo.findText("chat") >= 0)
    qtbot.waitUntil(lambda: card.get.text() == "Installed")
    assert any("chat" in name for name in rows_of(dialog.installed.view))
    assert "Ready to use" in wait_for(qtbot, dialog, "Tiny chat", "done").about.text()
    dialog.downloads.clear.click()
    qtbot.waitUntil(lambda: not dialog.downloads.rows)
    assert len(window.state.models("text")) == 2


def test_what_does_not_fit_comes_last_and_says_why(dialog: ModelsDialog) -> None:
    card = dialog.get.cards["huge"]
    assert "Will not fit: needs about 10000 GB" in card.place.text()
    assert "10000 GB" in card.note
    others = [other for other in dialog.get.cards.values() if other is not card]
    assert all(other.y() < card.y() for other in others)


def test_a_download_is_paused_resumed_and_cancelled(
    dialog: ModelsDialog, hub: HubServer, home: Paths, qtbot: QtBot
) -> None:
    gate = threading.Event()
    hub.call_at(1_000_000, lambda: gate.wait(BLOCKED_S), "tiny/slow")
    dialog.get.cards["slow"].get.click()
    qtbot.waitUntil(lambda: dialog.get.getter.question is not None, timeout=10_000)
    question: Any = dialog.get.getter.question
    assert "The download is 3 MB; the catalogue says 471 B" in question.notes[0].text()
    assert not hub.downloads("model.safetensors")
    question.get.click()
    row = wait_for_bytes(qtbot, dialog, "Slow")
    models = window_of(dialog).findChild(QToolButton, "models.open")
    assert isinstance(models, QToolButton) and "%" in models.text()
    row.pause.click()
    wait_for(qtbot, dialog, "Slow", "paused")
    gate.set()
    assert row.pause.accessibleName() == "Resume"
    row.pause.click()
    wait_for(qtbot, dialog, "Slow", "done")
    assert len({asked.range for asked in hub.downloads("slow//model.safetensors")}) == 2

    gate.clear()
    hub.add("tiny/other", {"config.json": b"{}", "model.safetensors": bytes(BIG)})
    hub.call_at(1_000_000, lambda: gate.wait(BLOCKED_S), "tiny/other")
    dialog.get.words.setText("tiny/other")
    dialog.get.search()
    result = dialog.get.results.rows[0]
    qtbot.waitUntil(result.get.isEnabled, timeout=10_000)
    result.get.click()
    question = dialog.get.getter.question
    assert question is not None  # its licence is not stated
    question.accept()
    row = wait_for(qtbot, dialog, "tiny/other", "running")
    row.cancel.click()
    qtbot.waitUntil(lambda: row_of(dialog, "tiny/other") is None, timeout=20_000)
    gate.set()
    downloading = home.models / ".downloading"
    qtbot.waitUntil(lambda: len([p for p in downloading.iterdir() if p.is_dir()]) == 1)
    assert not (home.models / "other").exists()


def test_downloads_are_ordered_and_paused_resumed_and_cancelled_together(
    dialog: ModelsDialog, hub: HubServer, home: Paths, qtbot: QtBot
) -> None:
    from studio.downloads.item import Item, ItemFile

    gate = threading.Event()
    dialog.show_downloads()
    downloads, page = downloads_of(window_of(dialog).state), dialog.downloads
    for name in ("one", "two", "three"):
        hub.add(f"tiny/{name}", {"model.safetensors": bytes(BIG)})
        hub.call_at(1_000_000, lambda: gate.wait(BLOCKED_S), f"tiny/{name}")
        url = f"{hub.endpoint}/tiny/{name}/resolve/main/model.safetensors"
        downloads.add(Item(name, name, (ItemFile("model.safetensors", url, BIG),)))
    wait_for(qtbot, dialog, "three", "waiting")

    def order() -> list[str]:
        return downloads_in_order(dialog)

    def press(title: str, button: str, expected: list[str]) -> None:
        row = row_of(dialog, title)
        assert row is not None
        getattr(row, button).click()
        qtbot.waitUntil(lambda: order() == expected, timeout=10_000)

    press("three", "up", ["one", "three", "two"])
    press("one", "down", ["three", "one", "two"])
    press("two", "top", ["two", "three", "one"])
    row = row_of(dialog, "two")
    assert row is not None
    qtbot.waitUntil(lambda: not row.up.isEnabled() and row.down.isEnabled())
    drop(dialog, qtbot, "two", below="one")
    qtbot.waitUntil(lambda: order() == ["three", "one", "two"], timeout=10_000)
    qtbot.waitUntil(lambda: not row.down.isEnabled())
    drop(dialog, qtbot, "two", below=None)
    qtbot.waitUntil(lambda: order() == ["two", "three", "one"], timeout=10_000)
    page.pause_all.click()
    qtbot.waitUntil(lambda: not downloads.running, timeout=20_000)
    assert {status.state for status in downloads.statuses} == {"paused"}
    page.resume_all.click()
    wait_for(qtbot, dialog, "two", "running")
    # The others are resumed one after the other.
    qtbot.waitUntil(lambda: "left to download" in page.total.text())
    page.cancel_all.click()
    question = page.findChild(DeleteQuestion)
    assert isinstance(question, DeleteQuestion)
    question.delete.click()
    qtbot.waitUntil(lambda: not downloads.statuses, timeout=20_000)
    gate.set()
    downloading = home.models / ".downloading"
    qtbot.waitUntil(lambda: not [path for path in downloading.iterdir() if path.is_dir()])


def test_a_download_goes_on_when_the_app_is_opened_again(
    dialog: ModelsDialog, hub: HubServer, open_window: Callable[[], MainWindow], qtbot: QtBot
) -> None:
    gate = threading.Event()
    hub.call_at(1_000_000, lambda: gate.wait(BLOCKED_S), "tiny/slow")
    dialog.get.cards["slow"].get.click()
    qtbot.waitUntil(lambda: dialog.get.getter.question is not None, timeout=10_000)
    question: Any = dialog.get.getter.question
    question.get.click()
    wait_for_bytes(qtbot, dialog, "Slow")
    window_of(dialog).close()
    gate.set()
    window = open_window()
    qtbot.waitUntil(lambda: len(window.state.models("text")) == 2, timeout=20_000)
    assert any(asked.range for asked in hub.downloads("slow//model.safetensors"))


def test_terms_and_conditions_are_said_before_and_a_refusal_after(
    dialog: ModelsDialog, hub: HubServer, qtbot: QtBot
) -> None:
    card = dialog.get.cards["gated"]
    card.get.click()
    qtbot.waitUntil(lambda: dialog.get.getter.question is not None, timeout=10_000)
    question: Any = dialog.get.getter.question
    texts = [label.text() for label in question.findChildren(type(question.notes[0]))]
    assert any("Be kind." in text for text in texts)
    assert f"accepted first at {hub.endpoint}/tiny/gated" in question.notes[0].text()
    question.cancel.click()
    assert dialog.get.status.text() == "Nothing was downloaded."
    assert card.get.isEnabled() and not hub.downloads("model.safetensors")
    card.get.click()
    qtbot.waitUntil(lambda: dialog.get.getter.question is not None, timeout=10_000)
    question = dialog.get.getter.question
    question.get.click()
    row = wait_for(qtbot, dialog, "Gated chat", "failed")
    assert f"{hub.endpoint}/tiny/gated" in row.about.text()
    assert row.pause.text() == "Try again"
    window = window_of(dialog)
    assert window.messages.messages[-1].action_text == "Downloads…"


def test_without_network_that_is_said_once_and_quietly(dialog: ModelsDialog, qtbot: QtBot) -> None:
    from studio.downloads.item import Item, ItemFile

    window = window_of(dialog)
    downloads = downloads_of(window.state)
    for name in ("one", "two"):
        file = ItemFile("model.gguf", f"http://127.0.0.1:9/{name}.gguf", 1000)
        downloads.add(Item(title=name, folder=name, files=(file,)))
    qtbot.waitUntil(lambda: downloads.offline is not None, timeout=20_000)
    assert dialog.downloads.offline.isVisibleTo(dialog.downloads)
    qtbot.waitUntil(lambda: len(downloads.running) == 2, timeout=20_000)
    said = [message.text for message in window.messages.messages]
    assert len([text for text in said if "network" in text]) == 1
    assert {status.state for status in downloads.statuses} <= {"waiting", "running"}


def test_a_search_says_what_can_be_loaded(dialog: ModelsDialog, qtbot: QtBot) -> None:
    dialog.get.words.setText("tiny")
    dialog.get.search()
    results = dialog.get.results

    def is_complete() -> bool:
        return len(results.rows) == 4 and all("…" not in row.about.text() for row in results.rows)

    qtbot.waitUntil(is_complete, timeout=20_000)
    texts = {row.name: row.about.text() for row in results.rows}
    buttons = {row.name: row.get.isEnabled() for row in results.rows}
    assert "471 B" in texts["tiny/chat"] and buttons["tiny/chat"]
    assert "only as pickles" in texts["tiny/pickles"] and not buttons["tiny/pickles"]
    assert "terms must be accepted" in texts["tiny/gated"]
    dialog.get.words.clear()
    assert dialog.get.cards["tiny"].isVisible()


def test_a_model_on_a_disk_is_copied(dialog: ModelsDialog, tmp_path: Path, qtbot: QtBot) -> None:
    pack = write_gguf(tmp_path / "stick" / "my model.gguf")
    dialog.get.words.setText(pack.as_uri())
    dialog.get.search()
    result = dialog.get.results.rows[0]
    qtbot.waitUntil(result.get.isEnabled, timeout=10_000)
    assert "to copy" in result.about.text()
    result.get.click()
    state = window_of(dialog).state
    qtbot.waitUntil(lambda: len(state.models("text")) == 2, timeout=20_000)
    assert pack.is_file()


def test_an_unreachable_hub_is_a_sentence(
    dialog: ModelsDialog, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    dialog.get.cards["tiny"].get.click()
    qtbot.waitUntil(lambda: "cannot be reached" in dialog.get.status.text(), timeout=20_000)
    assert dialog.get.cards["tiny"].get.isEnabled()


def test_the_folder_of_another_program_is_searched_and_can_be_removed(
    dialog: ModelsDialog, tmp_path: Path, qtbot: QtBot
) -> None:
    folder = tmp_path / "ComfyUI" / "models"
    write_gguf(folder / "llm" / "one.gguf")
    write_safetensors(folder / "loras" / "ink.safetensors", {LORA: (4, 768)})
    (folder / "old.ckpt").write_bytes(b"x")
    page = dialog.installed
    page.add_paths([str(folder)])
    qtbot.waitUntil(lambda: len(page.folders.reports) == 1, timeout=10_000)
    assert "Models: 1 · LoRA: 1 · other files: 1" in page.about.text()
    assert "LoRA and other additions" in rows_of(page.view)
    page.folders.removed.emit(str(folder))
    qtbot.waitUntil(lambda: not page.folders.reports, timeout=10_000)
    assert (folder / "llm" / "one.gguf").is_file()


def test_an_empty_tab_and_a_chinese_prompt_offer_a_model_by_name_and_size(
    dialog: ModelsDialog, qtbot: QtBot
) -> None:
    window = window_of(dialog)
    tab: Any = window.tab("text")
    tab.prompt.set_text("写一只狐狸")
    offer = tab.language_hint.offer
    qtbot.waitUntil(lambda: offer.text() == "Get Tiny chat (471 B)", timeout=10_000)
    offer.click()
    qtbot.waitUntil(lambda: len(window.state.models("text")) == 2, timeout=20_000)


def test_a_smaller_version_is_got_from_the_repository_of_a_model_that_does_not_fit(
    home: Paths,
    hub: HubServer,
    open_window: Callable[[], MainWindow],
    qtbot: QtBot,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    small = write_gguf(tmp_path / "small.gguf")
    folder = home.models / "t-Q8_0"
    large = write_gguf(folder / "t-Q8_0.gguf", note="x" * 3000)
    hub.add("tiny/gguf", {"t-Q4_K_M.gguf": small, "t-Q8_0.gguf": large}, tags=["license:mit"])
    source = SourceFile(ModelSource("hub", "tiny/gguf"), "mit")
    (folder / SOURCE_FILE).write_text(source_text(source), "utf-8")
    memory = DeviceMemory("cpu", "main", 4_000_000, 3_000_000)
    monkeypatch.setattr("studio.models.fit.main_memory", lambda: memory)
    window = open_window()
    model = next(each for each in window.state.models("text") if each.source.kind == "hub")
    picker: Any = window.tab("text")
    picker.model.set_model_id(model.id)
    assert picker.model.smaller.isVisible()
    assert picker.model.smaller.text() == "Get a smaller version"
    monkeypatch.setattr("studio.jobs.smaller_version.main_memory", lambda: memory)

    picker.model.smaller.click()

    qtbot.waitUntil(lambda: (home.models / "t-Q4_K_M").is_dir(), timeout=20_000)
    dialog = window.findChild(ModelsDialog)
    assert isinstance(dialog, ModelsDialog)
    qtbot.waitUntil(lambda: len(window.state.models("text")) == 3, timeout=20_000)


def test_an_unknown_chinese_prompt_is_answered_with_a_model_that_reads_chinese(
    dialog: ModelsDialog, home: Paths, qtbot: QtBot
) -> None:
    from studio.kinds.image import ImageRequest
    from studio.library.records import Job
    from studio.protocol import Warned, sentence
    from studio.ui.shell.model_offers import model_offers_of

    window = window_of(dialog)
    offers = model_offers_of(window.state)
    english = entry("english", "English", "tiny/english", task="image", languages=["en"])
    bilingual = entry("both", "Both", "tiny/both", task="image", languages=["en", "zh"])
    catalogue = {"schema": 1, "replaces": True, "uses": [], "entries": [english, bilingual]}
    write_json(home.settings.parent / "catalogue.json", catalogue)
    window.state.refresh_models()
    qtbot.waitUntil(lambda: offers.best("image", "zh") is not None, timeout=10_000)
    hint = sentence("This model does not know what the prompt asks for.")
    for prompt in ("a dam", "大坝"):
        running = Job(id=prompt, request=ImageRequest(prompt=prompt), status="running")
        window.state.reports.job_changed.emit(running)
        window.state.reports.warned.emit(Warned(prompt, "out_of_domain", hint))
    offered = [message.action_text for message in window.messages.messages][-2:]
    assert offered == ["Get English (471 B)", "Get Both (471 B)"]
