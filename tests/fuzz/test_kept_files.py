"""Files that the app keeps for itself: marks, settings, conversations."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import strategies as st

from studio.formats.json_file import read_json_file
from studio.library.folder.marks_file import MARKS_FILE, Marks, append_marks, read_marks
from studio.settings import Settings, load_settings, save_settings
from studio.ui.workspaces.text.conversation import (
    Answer,
    Conversation,
    Turn,
    encode,
    load_conversation,
    save_conversation,
)
from studio.ui.workspaces.text.values import TextValues
from tests.fuzz.bounds import bounded
from tests.fuzz.inputs import ODD_TEXT, ODD_VALUE, damaged, fuzz

_MARKS = (
    b'{"asset": "a-0", "starred": true, "tags": ["night", "\xe7\x8b\x90"], "collections": ["x"]}\n'
    b'\n{"asset": "a-1", "trashed_at": 1.5, "origin": "/library/2026-01-01/x.png", "rating": 5}\n'
)
_MARK_FIELDS = ("asset", "starred", "tags", "collections", "trashed_at", "origin", "rating")


def read_as_marks(folder: Path, data: bytes) -> None:
    (folder / MARKS_FILE).write_bytes(data)

    def call() -> None:
        held = read_marks(folder)
        append_marks(folder, *held.values(), Marks("b-0", starred=True))
        again = read_marks(folder)
        assert again["b-0"].starred
        # What was read is read again as it was.
        assert {name: mark for name, mark in again.items() if name != "b-0"} == {
            name: mark for name, mark in held.items() if name != "b-0"
        }

    bounded("marks", folder, call)


@fuzz(150, data=damaged((_MARKS, _MARKS * 40)))
def test_damaged_marks_are_read_as_far_as_they_go(tmp_path: Path, data: bytes) -> None:
    read_as_marks(tmp_path, data)


@fuzz(
    120,
    lines=st.lists(
        st.dictionaries(st.sampled_from(_MARK_FIELDS), ODD_VALUE, max_size=5), max_size=4
    ),
)
def test_odd_marks_are_read_as_far_as_they_go(
    tmp_path: Path, lines: list[dict[str, object]]
) -> None:
    data = b"\n".join(json.dumps({"asset": "a-0", **line}).encode() for line in lines)
    read_as_marks(tmp_path, data)


_SETTINGS = msgspec.json.encode(
    {"version": 1, "language": "zh_CN", "library": "/x", "threads": 2, "text": {"count": 3}}
)
_SETTING_FIELDS = ("version", "language", "library", "threads", "window", "text", "tabs", "rest")


def read_as_settings(folder: Path, data: bytes) -> None:
    path = folder / "settings.json"
    path.write_bytes(data)

    def call() -> None:
        settings, _ = load_settings(path)
        settings.tab("text", TextValues)
        assert save_settings(path, settings) is None
        again, trouble = load_settings(path)
        assert trouble is None
        assert again.rest.keys() >= settings.rest.keys()
        assert isinstance(again, Settings)

    bounded("settings", folder, call)
    for aside in folder.glob("*damaged*"):
        aside.unlink()


@fuzz(120, data=damaged((_SETTINGS,)))
def test_damaged_settings_are_read_or_set_aside(tmp_path: Path, data: bytes) -> None:
    read_as_settings(tmp_path, data)


@fuzz(100, fields=st.dictionaries(st.sampled_from(_SETTING_FIELDS), ODD_VALUE, max_size=5))
def test_odd_settings_are_read_or_set_aside(tmp_path: Path, fields: dict[str, object]) -> None:
    read_as_settings(tmp_path, json.dumps(fields).encode())


_CONVERSATION = encode(
    Conversation(
        [
            Turn("Hello 狐狸", [Answer("Hi", 5, "a-0", "/x.md"), Answer("Ho")], jobs={"a": 0}),
            Turn("And?", [Answer(failed="no memory")], unanswered=True),
        ]
    )
)
_TURN_FIELDS = ("prompt", "answers", "chosen", "jobs", "unanswered", "new")


def read_as_conversation(folder: Path, data: bytes) -> None:
    path = folder / "conversation.json"
    path.write_bytes(data)

    def call() -> None:
        conversation, _ = load_conversation(path)
        conversation.messages()
        conversation.turn_of("a")
        save_conversation(path, encode(conversation))
        assert load_conversation(path) == (conversation, None)

    bounded("conversation", folder, call)
    for aside in folder.glob("*damaged*"):
        aside.unlink()


@fuzz(120, data=damaged((_CONVERSATION,)))
def test_a_damaged_conversation_is_read_or_set_aside(tmp_path: Path, data: bytes) -> None:
    read_as_conversation(tmp_path, data)


@fuzz(
    100,
    turns=st.lists(
        st.dictionaries(st.sampled_from(_TURN_FIELDS), ODD_VALUE, max_size=4), max_size=3
    ),
    prompt=ODD_TEXT,
)
def test_an_odd_conversation_is_read_or_set_aside(
    tmp_path: Path, turns: list[dict[str, object]], prompt: str
) -> None:
    fields = [{"prompt": prompt, "answers": [{"text": "Hi"}], **turn} for turn in turns]
    read_as_conversation(tmp_path, json.dumps({"turns": fields}).encode())


_READERS: tuple[Callable[[Path, bytes], None], ...] = (
    read_as_marks,
    read_as_settings,
    read_as_conversation,
)


@pytest.mark.parametrize("read", _READERS, ids=lambda read: read.__name__)
@pytest.mark.parametrize("opening", [b"[", b'{"asset":', b'{"turns":[', b'{"x":'])
def test_json_of_any_depth_is_read_or_set_aside(
    tmp_path: Path, read: Callable[[Path, bytes], None], opening: bytes
) -> None:
    read(tmp_path, opening * 5_000)


def test_a_json_file_of_any_depth_is_damaged(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_bytes(b'{"x":' * 5_000)
    with pytest.raises(msgspec.DecodeError):
        read_json_file(tmp_path / "x.json", dict)
