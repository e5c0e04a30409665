"""Files that the app keeps for itself: marks, settings, conversations."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import strategies as st
from msgspec import Struct

from studio.formats.json_file import read_json_file
from studio.kinds.registry import kinds
from studio.library.folder.marks_file import MARKS_FILE, Marks, append_marks, read_marks
from studio.settings import MAX_THREADS, Settings, WindowValues, load_settings, save_settings
from studio.ui.shell.tab_values import tab_values
from studio.ui.workspaces.image.values import ImageValues
from studio.ui.workspaces.text.conversation import (
    Answer,
    Conversation,
    Turn,
    encode,
)
from studio.ui.workspaces.text.conversation_files import load_conversation, save_conversation
from studio.ui.workspaces.text.values import TextValues
from studio.ui.workspaces.upscale.values import UpscaleValues
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
_SETTING_FIELDS = (
    *("version", "language", "library", "threads", "window", "text", "image", "upscale"),
    *("tabs", "rest", "is_unknown"),
)
_TABS: tuple[tuple[str, type[Struct]], ...] = (
    ("text", TextValues),
    ("image", ImageValues),
    ("upscale", UpscaleValues),
)
_VALUE_FIELDS = sorted({name for _, values in _TABS for name in values.__struct_fields__})
_WINDOW_FIELDS = WindowValues.__struct_fields__


def read_as_settings(folder: Path, data: bytes) -> None:
    path = folder / "settings.json"
    path.write_bytes(data)

    def call() -> None:
        settings, found = load_settings(path)
        for task, values in _TABS:
            stored = tab_values(settings, task, values)
            for name, field in kinds()[task].fields.items():
                value = getattr(stored, name, None)
                if isinstance(value, int | float) and field.maximum is not None:
                    assert (field.minimum or 0) <= value <= field.maximum
        assert 0 <= settings.threads <= MAX_THREADS
        for sizes in settings.window.splitters.values():
            assert all(0 <= size <= 100_000 for size in sizes)
        assert save_settings(path, settings) is None
        if settings.is_unknown:
            assert found is not None
            assert path.read_bytes() == data
            return
        again, trouble = load_settings(path)
        assert trouble is None
        assert again.rest.keys() >= settings.rest.keys()
        assert isinstance(again, Settings)
        path.write_bytes(data)
        restored, found_again = load_settings(path)
        assert restored.library == settings.library
        assert (found_again is None) == (found is None)

    bounded("settings", folder, call)
    for kept in (*folder.glob("*damaged*"), *folder.glob("*.bak")):
        kept.unlink()


@fuzz(120, data=damaged((_SETTINGS,)))
def test_damaged_settings_are_read_or_stay(tmp_path: Path, data: bytes) -> None:
    read_as_settings(tmp_path, data)


@fuzz(100, fields=st.dictionaries(st.sampled_from(_SETTING_FIELDS), ODD_VALUE, max_size=5))
def test_odd_settings_are_read_or_stay(tmp_path: Path, fields: dict[str, object]) -> None:
    read_as_settings(tmp_path, json.dumps(fields).encode())


_NUMBERS = st.one_of(
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from((-1, 2**31, -(2**31) - 1, 2**63, 2**64, -(2**63) - 1, 10**400, 1e308)),
)


@fuzz(
    100,
    values=st.dictionaries(st.sampled_from(_VALUE_FIELDS), _NUMBERS, max_size=8),
    window=st.dictionaries(
        st.sampled_from(_WINDOW_FIELDS),
        st.one_of(
            ODD_VALUE, st.dictionaries(st.sampled_from(("text", "image")), st.lists(_NUMBERS))
        ),
        max_size=3,
    ),
    threads=_NUMBERS,
)
def test_numbers_of_the_settings_are_in_range(
    tmp_path: Path, values: dict[str, object], window: dict[str, object], threads: float
) -> None:
    content = {task: values for task, _ in _TABS} | {"window": window, "threads": threads}
    read_as_settings(tmp_path, json.dumps(content).encode())


_CONVERSATION = encode(
    Conversation(
        [
            Turn("Hello 狐狸", [Answer("Hi", 5, "a-0", "/x.md"), Answer("Ho")], jobs={"a": 0}),
            Turn("And?", [Answer(failed="no memory")], unanswered=True),
        ]
    )
)
_TURN_FIELDS = ("prompt", "answers", "chosen", "jobs", "unanswered", "new", "id", "parent", "last")


def read_as_conversation(folder: Path, data: bytes) -> None:
    path = folder / "conversation.json"
    path.write_bytes(data)

    def call() -> None:
        conversation, _ = load_conversation(path)
        conversation.messages()
        conversation.turn_of("a")
        for turn in (*conversation.others, *conversation.turns):
            conversation.show_version(turn)
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
