"""The files of conversations: one each, in a folder of the library.

A list of titles beside them saves reading all of them at every start; it is made anew where it is
missing, damaged or out of date.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from studio.formats.atomic_write import sweep, write_atomic
from studio.formats.json_file import set_aside
from studio.formats.untrusted_files import is_file, is_folder, read_start
from studio.library.folder.stored_paths import leads_inside
from studio.library.library_place import make_in_library
from studio.protocol import Problem, ProblemError, Sentence, problem
from studio.ui.workspaces.text.conversation import Conversation, encode

FOLDER = "conversations"
_DELETED = ".deleted"
_TITLES = ".titles.json"
_KEPT_DAYS = 30
"""How long a deleted conversation can be restored."""

MAX_BYTES = 64 * 2**20
_MAX_TITLES = 16 * 2**20
_ID = re.compile(r"[0-9a-z][0-9a-z-]{0,63}")


class Entry(Struct, frozen=True):
    """A conversation in the list; `used` is seconds since 1970."""

    id: str
    title: str
    used: float


class _Title(Struct, frozen=True):
    """What is known of a file that had this time of change and size."""

    changed: int
    size: int
    title: str
    used: float


def new_id() -> str:
    """Return the id of a new conversation."""
    return f"{time.strftime('%Y%m%d-%H%M%S')}-{os.urandom(4).hex()}"


class ConversationFiles:
    """The conversations in the library at `root`. Methods may be called from any thread."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.folder = root / FOLDER

    def path(self, id: str) -> Path:
        """Return the file of a conversation."""
        assert _ID.fullmatch(id), id
        return self.folder / f"{id}.json"

    def lock_path(self, id: str) -> Path:
        """Return the lock held by the window that shows a conversation."""
        return self.folder / f".{id}.lock"

    # ---- reading

    def entries(self) -> list[Entry]:
        """Return all conversations, the last used first. Files that cannot be read are left out."""
        if not self._is_inside():
            return []
        known = self._known_titles()
        found: dict[str, _Title] = {}
        for id, changed, size in self._listed():
            title = known.get(id)
            if title is None or (title.changed, title.size) != (changed, size):
                title = self._read_title(id, changed, size)
            if title is not None:
                found[id] = title
        if found != known:
            # It is only a shortcut: where it cannot be written, there is none.
            with contextlib.suppress(OSError):
                write_atomic(self.folder / _TITLES, msgspec.json.encode(found), private=True)
        entries = [Entry(id, title.title, title.used) for id, title in found.items()]
        return sorted(entries, key=lambda entry: (-entry.used, entry.id))

    def _is_inside(self) -> bool:
        return is_folder(self.folder) and leads_inside(self._root, self.folder)

    def _listed(self) -> list[tuple[str, int, int]]:
        listed = []
        try:
            with os.scandir(self.folder) as entries:
                for entry in entries:
                    id, dot, suffix = entry.name.partition(".")
                    if (dot + suffix) == ".json" and _ID.fullmatch(id):
                        with contextlib.suppress(OSError):
                            state = entry.stat()
                            listed.append((id, state.st_mtime_ns, state.st_size))
        except OSError:
            return []
        return listed

    def _known_titles(self) -> dict[str, _Title]:
        try:
            data = read_start(self.folder / _TITLES, _MAX_TITLES)
            return msgspec.json.decode(data, type=dict[str, _Title])
        except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return {}

    def _read_title(self, id: str, changed: int, size: int) -> _Title | None:
        try:
            conversation = self._decoded(self.path(id))
        except OSError:
            return None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            # Shown, so that opening it says what is wrong with it.
            return _Title(changed, size, id, 0.0)
        return _Title(changed, size, conversation.shown_title(), conversation.used)

    @staticmethod
    def _decoded(path: Path) -> Conversation:
        """Raise `OSError` or an error of msgspec."""
        data = read_start(path, MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise OSError("the file is too large")
        return msgspec.json.decode(data, type=Conversation)

    def load(self, id: str) -> tuple[Conversation, Problem | None]:
        """Read a conversation; a damaged file is renamed and reported."""
        if not self._is_inside():
            return Conversation(), _outside(self.folder).problem
        conversation, wrong = load_conversation(self.path(id))
        conversation.id = id if wrong is None else ""
        return conversation, wrong

    def containing(self, words: str, ids: Sequence[str]) -> set[str]:
        """Return those of the conversations that contain all words, in prompts or answers."""
        wanted = words.casefold().split()
        found = set()
        for id in ids:
            try:
                conversation = self._decoded(self.path(id))
            except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                continue
            texts = [conversation.shown_title()]
            for turn in (*conversation.turns, *conversation.others):
                texts.append(turn.prompt)
                texts += (answer.text for answer in turn.answers)
            text = "\n".join(texts).casefold()
            if all(word in text for word in wanted):
                found.add(id)
        return found

    # ---- writing

    def save(self, id: str, encoded: bytes) -> None:
        """Write an encoded conversation atomically. Raises `OSError` or `ProblemError`."""
        self._require_inside()
        save_conversation(self.path(id), encoded)

    def delete(self, id: str) -> None:
        """Delete a conversation; `restore` takes it back. Raises `OSError`, `ProblemError`."""
        deleted = self._require_inside(_DELETED) / f"{id}.json"
        os.utime(self.path(id))
        self.path(id).replace(deleted)

    def restore(self, id: str) -> None:
        """Take a deleted conversation back. Raises `OSError` or `ProblemError`."""
        (self._require_inside(_DELETED) / f"{id}.json").replace(self.path(id))

    def tidy(self) -> None:
        """Remove what killed processes left, and what was deleted long ago."""
        if not self._is_inside():
            return
        sweep(self.folder)
        deleted = self.folder / _DELETED
        oldest = time.time() - _KEPT_DAYS * 86_400
        if is_folder(deleted) and leads_inside(self._root, deleted):
            for path in deleted.glob("*.json"):
                with contextlib.suppress(OSError):
                    if path.stat().st_mtime < oldest:
                        path.unlink()

    def take_over(self, file: Path) -> tuple[str, Problem | None]:
        """Take over the conversation of an earlier version, which had only one.

        Return its id, empty if there is none. Its file is kept under another name. Raises
        `OSError` or `ProblemError`.
        """
        if not is_file(file):
            return "", None
        conversation, wrong = load_conversation(file)
        if wrong is not None:
            return "", wrong
        id = ""
        if conversation.turns:
            self._require_inside()
            changed = file.stat().st_mtime
            # The same for two windows that do this at the same time.
            id = f"{time.strftime('%Y%m%d-%H%M%S', time.localtime(changed))}-earlier"
            conversation.number()
            conversation.id, conversation.used = id, changed
            if not self.path(id).exists():
                save_conversation(self.path(id), encode(conversation))
        with contextlib.suppress(FileNotFoundError):
            file.replace(file.with_name("conversation.earlier.json"))
        return id, None

    def _require_inside(self, name: str = "") -> Path:
        """Return the folder, or one in it, after creating it. Raises `OSError`, `ProblemError`."""
        folder = self.folder / name
        make_in_library(self._root, folder, private=True)
        if not leads_inside(self._root, folder):
            raise _outside(folder)
        return folder


def _outside(folder: Path) -> ProblemError:
    return problem(
        "bad_input",
        "The folder {path} is a link that leads out of the library. Remove it, or replace it by a "
        "folder.",
        path=str(folder),
    )


def load_conversation(file: Path) -> tuple[Conversation, Problem | None]:
    """Read a conversation; a damaged file is renamed and reported."""
    try:
        data = read_start(file, MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise OSError("the file is too large")
        conversation = msgspec.json.decode(data, type=Conversation)
        conversation.number()
        return conversation, None
    except FileNotFoundError:
        return Conversation(), None
    except OSError as error:
        return Conversation(), Problem(
            "bad_input",
            Sentence("The conversation in {path} cannot be read.", {"path": str(file)}),
            str(error),
        )
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        renamed = set_aside(file)
        return Conversation(), Problem(
            "bad_input",
            Sentence(
                "The file of a conversation was damaged. It was renamed to {path}; the answers "
                "are in the library.",
                {"path": str(renamed)},
            ),
            str(error),
        )


def save_conversation(file: Path, encoded: bytes) -> None:
    """Write an encoded conversation atomically, in a folder that exists. Raises `OSError`."""
    write_atomic(file, encoded, private=True)
