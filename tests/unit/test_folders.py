"""Folders are made below one that exists, and nowhere else."""

from __future__ import annotations

import re
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


STUDIO = Path(__file__).parents[2] / "studio"
MADE = re.compile(r"mkdir\([^)]*parents=True|makedirs\(|make_private_folder\(|ensure_directory")
ALLOWED = {
    "formats/atomic_write.py": "defines `make_private_folder`",
    # Where a person chooses a folder.
    "cli/folders.py": "-o",
    "library/folder/file_placing.py": "a library when it is opened, and the output folder of a job",
    "library/recipes/export.py": "the folder of an export",
    "models/storage/models_folder_choice.py": "a folder for models",
    "ui/settings/settings_dialog.py": "a folder for the library",
    # The app's own state, the default folders in it, caches and logs.
    "engine/local/environment.py": "",
    "engine/tasks/speech/text/mandarin.py": "",
    "engine/tasks/text/model/convert.py": "",
    "jobs/start_up.py": "",
    "library/folder/chosen_folders.py": "",
    "library/library_place.py": "the default library",
    "library/recovery/foreign_jobs.py": "",
    "models/description_cache.py": "",
    "models/storage/duplicates.py": "",
    "serve/access_token.py": "",
    "serve/passing_library.py": "",
    "settings.py": "settings, and the default folder of models",
    "ui/app.py": "",
    "ui/shell/window_lock.py": "",
    # The temporary folder of a model that is loaded.
    "engine/tasks/image/model/checkpoint_config.py": "",
    "engine/tasks/image/model/clip_vocabulary.py": "",
    "engine/tasks/image/model/denoiser_layout.py": "",
    "engine/tasks/image/model/qwen_vocabulary.py": "",
}


def test_folders_with_those_above_them_are_made_only_where_they_are_chosen() -> None:
    found, locks = set(), set()
    for file in STUDIO.rglob("*.py"):
        text, name = file.read_text("utf-8"), file.relative_to(STUDIO).as_posix()
        if MADE.search(text):
            found.add(name)
        if re.search(r"^from filelock import .*\bFileLock\b|filelock\.FileLock", text, re.M):
            locks.add(name)
    assert found <= set(ALLOWED), "use `make_below`"
    assert locks == {"formats/folders.py"}, "use `studio.formats.folders.FileLock`"
