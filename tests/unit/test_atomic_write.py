"""Temporary files: what a killed process left is removed, what is in use or a person's is not."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from studio.formats.atomic_write import (
    make_private_folder,
    sweep,
    temporary_file,
    write_atomic,
)
from studio.library.store import Library
from studio.settings import Settings, default_paths, save_settings, sweep_state
from studio.ui.workspaces.text.conversation_files import save_conversation
from tests.unit.conftest import enqueue, record

posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes and locks")

_WRITER = """
import sys, os
from pathlib import Path
from studio.formats.atomic_write import temporary_file
with temporary_file(Path(sys.argv[1])) as (file, temporary):
    print(temporary.name, flush=True)
    sys.stdin.read()
"""


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@posix
def test_the_file_of_a_running_process_is_kept_and_that_of_a_killed_one_is_removed(
    tmp_path: Path,
) -> None:
    writer = subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(tmp_path / "settings.json")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert writer.stdout is not None
    left = tmp_path / writer.stdout.readline().strip()
    old = time.time() - 100_000
    os.utime(left, (old, old))
    sweep(tmp_path)
    assert left.is_file()
    writer.kill()
    writer.communicate()
    sweep(tmp_path)
    assert not left.exists()


@posix
def test_no_file_of_a_person_and_none_of_this_process_is_swept(tmp_path: Path) -> None:
    kept = (
        "notes.tmp",
        ".notes.tmp",
        ".notes.2024.tmp",
        "settings.json.999999999-0123abcd.tmp",
        ".x.999999999-0123abcd.tmp.png",
        ".settings.json.tmp",
    )
    for name in kept:
        (tmp_path / name).touch()
    (tmp_path / ".folder.999999999-0123abcd.tmp").mkdir()
    (tmp_path / ".link.999999999-0123abcd.tmp").symlink_to("notes.tmp")
    (tmp_path / ".settings.json.999999999-0123abcd.tmp").touch()
    (tmp_path / ".marks.jsonl.999999999.tmp").touch()
    with temporary_file(tmp_path / "mine") as (_, mine):
        sweep(tmp_path)
        assert mine.exists()
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == sorted(
        [*kept, ".link.999999999-0123abcd.tmp"]
    )
    assert (tmp_path / ".folder.999999999-0123abcd.tmp").is_dir()


def test_the_start_sweeps_library_and_state(tmp_path: Path) -> None:
    paths = default_paths()
    Library.open(tmp_path / "library").close()
    name = ".x.999999999-0123abcd.tmp"
    folders = [tmp_path / "library", tmp_path / "library" / ".trash", paths.settings.parent]
    for folder in (*folders, paths.models, paths.cache):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    Library.open(tmp_path / "library").close()
    sweep_state(paths)
    if os.name != "nt":
        assert not list(tmp_path.rglob(name))


def test_two_writers_of_one_file_in_a_process_do_not_share_a_temporary_file(
    tmp_path: Path,
) -> None:
    path = tmp_path / ("狐" * 80 + ".json")
    with temporary_file(path) as (_, first), temporary_file(path) as (_, second):
        assert first != second
    assert list(tmp_path.iterdir()) == []


@posix
def test_what_the_app_keeps_is_for_the_user_alone() -> None:
    before = os.umask(0o022)
    try:
        paths = default_paths()
        assert save_settings(paths.settings, Settings()) is None
        save_conversation(paths.settings.with_name("conversation.json"), b"{}")
        library = Library.open(paths.library)
        record(library, enqueue(library))
        library.close()
    finally:
        os.umask(before)
    assert _mode(paths.settings.parent) == 0o700
    assert _mode(paths.library) == 0o700
    assert _mode(paths.settings) == 0o600
    assert _mode(paths.settings.with_name("conversation.json")) == 0o600


@posix
def test_a_folder_and_a_file_that_a_user_shares_keep_their_modes(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o2775)
    before = os.umask(0o002)
    try:
        library = Library.open(shared)
        asset = record(library, enqueue(library))
        library.marks.star([asset.id], True)
        library.close()
        write_atomic(shared / "marks.jsonl", b"")
        make_private_folder(shared)
    finally:
        os.umask(before)
    assert _mode(shared) == 0o2775
    assert _mode(asset.path.parent) & 0o775 == 0o775
    assert _mode(asset.path) == 0o664
    assert _mode(shared / "marks.jsonl") == 0o664
