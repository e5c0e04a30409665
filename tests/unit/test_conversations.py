"""Conversations as data and files, without a window."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import msgspec
import pytest

from studio.protocol import ProblemError
from studio.ui.workspaces.text.conversation import Answer, Conversation, Turn, encode
from studio.ui.workspaces.text.conversation_files import ConversationFiles
from studio.ui.workspaces.text.folded_text import FOLDED_CHARACTERS, folded


def conversation(*prompts: str) -> Conversation:
    found = Conversation()
    for prompt in prompts:
        found.add(Turn(prompt, [Answer(f"to {prompt}")]))
    return found


def prompts(found: Conversation) -> list[str]:
    return [turn.prompt for turn in found.turns]


def test_every_version_comes_back_with_what_followed_it() -> None:
    found = conversation("a", "b", "c")
    found.set_aside(1)
    for prompt in ("B", "C", "D"):
        found.add(Turn(prompt))
    found.set_aside(2)
    found.add(Turn("C2"))
    first, second = found.versions_by_parent()[1]
    found.show_version(first)
    assert prompts(found) == ["a", "b", "c"]
    found = msgspec.json.decode(encode(found), type=Conversation)
    found.number()
    found.show_version(found.versions_by_parent()[1][1])
    assert prompts(found) == ["a", "B", "C2"]
    found.show_version(found.versions_by_parent()[second.id][0])
    assert prompts(found) == ["a", "B", "C", "D"]
    assert len(found.turns) + len(found.others) == 7


def test_a_version_that_was_refused_gives_way_to_the_one_before() -> None:
    found = conversation("a", "b", "c")
    found.set_aside(1)
    refused = Turn("B")
    found.add(refused)
    found.discard(refused)
    assert prompts(found) == ["a", "b", "c"]
    assert found.others == []


def test_a_damaged_tree_is_shown_without_an_endless_circle() -> None:
    a, b = Turn("a", id=1), Turn("b", id=2, parent=3)
    c, d = Turn("c", id=3, parent=2, last=2), Turn("d", id=9, parent=1)
    found = Conversation([a, d], [b, c, Turn("same id", id=9, parent=1)])
    found.number()
    assert len({turn.id for turn in (*found.turns, *found.others)}) == 5
    for turn in (b, c, *found.others):
        found.show_version(turn)
    assert len(found.turns) + len(found.others) == 5


def test_a_job_of_an_answer_that_does_not_exist_is_forgotten() -> None:
    read = msgspec.json.decode(
        b'{"prompt": "a", "answers": [{}], "jobs": {"x": 5, "y": -1, "z": 0}}', type=Turn
    )
    assert read.jobs == {"z": 0}


def test_a_conversation_of_which_no_turn_is_shown_shows_its_last_version() -> None:
    conversation = Conversation(
        others=[Turn("a", id=1), Turn("b", id=2), Turn("c", id=3, parent=2)]
    )
    conversation.number()
    assert [turn.prompt for turn in conversation.turns] == ["b", "c"]


def test_a_branch_shares_nothing_with_its_origin() -> None:
    found = conversation("a", "b")
    found.turns[0].jobs["job"] = 0
    branch = found.copy_until(0)
    branch.turns[0].answers[0].text = "changed"
    assert found.turns[0].answers[0].text == "to a"
    assert branch.turns[0].jobs == {}


@pytest.mark.parametrize("count", [0, 1, 2000])
def test_titles_are_read_once_and_again_where_a_file_has_changed(
    tmp_path: Path, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = ConversationFiles(tmp_path)
    files.folder.mkdir()
    for number in range(count):
        found = conversation(f"no. {number}")
        found.used = float(number)
        (files.folder / f"{number}.json").write_bytes(encode(found))
    entries = files.entries()
    assert [entry.title for entry in entries] == [f"no. {n}" for n in reversed(range(count))]
    reads: list[Path] = []
    decoded = ConversationFiles._decoded

    def counted(path: Path) -> Conversation:
        reads.append(path)
        return decoded(path)

    monkeypatch.setattr(ConversationFiles, "_decoded", staticmethod(counted))
    if count:
        files.save("0", encode(conversation("changed, and longer")))
    (files.folder / "notes.txt").write_text("mine")
    again = ConversationFiles(tmp_path).entries()
    assert len(again) == count
    assert reads == ([files.path("0")] if count else [])
    (files.folder / ".titles.json").write_text("{")
    assert len(ConversationFiles(tmp_path).entries()) == count


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_conversations_are_for_the_user_alone(tmp_path: Path) -> None:
    files = ConversationFiles(tmp_path)
    files.save("a", encode(conversation("secret")))
    files.entries()
    for path in (files.path("a"), files.folder / ".titles.json"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(files.folder.stat().st_mode) == 0o700


@pytest.mark.skipif(not hasattr(os, "symlink") or os.name == "nt", reason="needs links")
def test_a_folder_that_leads_out_of_the_library_is_not_written_to(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "library").mkdir()
    (tmp_path / "library" / "conversations").symlink_to(tmp_path / "elsewhere")
    files = ConversationFiles(tmp_path / "library")
    with pytest.raises(ProblemError):
        files.save("a", encode(conversation("secret")))
    assert files.entries() == []
    files.folder.unlink()
    files.save("a", encode(conversation("secret")))
    (files.folder / ".deleted").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ProblemError):
        files.delete("a")
    assert [entry.id for entry in files.entries()] == ["a"]
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_deleted_conversation_is_gone_from_the_list_until_it_is_restored(tmp_path: Path) -> None:
    files = ConversationFiles(tmp_path)
    files.save("a", encode(conversation("one")))
    files.delete("a")
    files.tidy()
    assert files.entries() == []
    files.restore("a")
    assert [entry.title for entry in files.entries()] == ["one"]
    files.delete("a")
    os.utime(files.folder / ".deleted" / "a.json", (1e9, 1e9))
    files.tidy()
    assert list((files.folder / ".deleted").iterdir()) == []


def test_an_earlier_conversation_is_taken_over_once_and_its_file_kept(tmp_path: Path) -> None:
    file = tmp_path / "conversation.json"
    content = '{"turns": [{"prompt": "a"}, {"prompt": "b"}]}'
    file.write_text(content)
    (tmp_path / "library").mkdir()
    files = ConversationFiles(tmp_path / "library")
    id, wrong = files.take_over(file)
    assert wrong is None
    found, wrong = files.load(id)
    assert (prompts(found), wrong) == (["a", "b"], None)
    assert file.with_name("conversation.earlier.json").read_text() == content
    assert files.take_over(file) == ("", None)


@pytest.mark.parametrize(
    "text", ["", "short", "line\n" * 100, "word " * 5000, "x" * 5000, "字" * 5000, "\n" * 5000]
)
def test_a_long_text_is_folded_to_its_beginning(text: str) -> None:
    start = folded(text)
    assert text.startswith(start)
    assert len(start) <= FOLDED_CHARACTERS or start == text
