"""Folders are made below one that exists, and nowhere else."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from studio.formats.folders import FileLock, make_below


def test_the_root_is_not_made(tmp_path: Path) -> None:
    root = tmp_path / "disk" / "models"
    with pytest.raises(FileNotFoundError):
        make_below(root, root / "a" / "b")
    with pytest.raises(FileNotFoundError), FileLock(root / ".lock", timeout=0):
        pass
    assert list(tmp_path.iterdir()) == []
    root.mkdir(parents=True)
    make_below(root, root / "a" / "b", private=True)
    make_below(root, root / "a" / "b")
    make_below(root, root)
    assert stat.S_IMODE((root / "a").stat().st_mode) & 0o077 == 0
    with FileLock(root / ".lock", timeout=0) as lock:
        assert lock.is_locked
