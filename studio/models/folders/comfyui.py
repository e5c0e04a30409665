"""Model folders that ComfyUI was told of: `extra_model_paths.yaml` beside its `models`."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

from studio.formats.untrusted_files import is_folder, read_start

_FILE = "extra_model_paths.yaml"
_MAX_BYTES = 200_000
_MAX_FOLDERS = 200
_MAX_PATH = 4_096
_NO_PATHS = frozenset({"base_path", "is_default"})


def extra_folders(root: Path) -> list[Path]:
    """Return the existing folders that ComfyUI's file in `root` names.

    A `base_path` or a path that is not absolute is relative to `root`. Folders that hold `root`,
    and the user's home folder, are left out: searching them would take minutes.
    """
    try:
        text = read_start(root / _FILE, _MAX_BYTES).decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return []
    found: list[Path] = []
    for section in _sections(text):
        base = _base(root, section.get("base_path", ""))
        if base is None:
            continue
        for key, value in section.items():
            if key in _NO_PATHS or not isinstance(value, str):
                continue
            found += [base / line.strip() for line in value.splitlines() if line.strip()]
    unique = list(dict.fromkeys(found))[:_MAX_FOLDERS]
    return [folder for folder in unique if is_folder(folder) and not _is_too_wide(folder, root)]


def _base(root: Path, stored: object) -> Path | None:
    if not isinstance(stored, str) or len(stored) > _MAX_PATH:
        return None
    try:
        return root / Path(stored).expanduser()
    except RuntimeError:  # a user that is not on this computer
        return None


def _is_too_wide(folder: Path, root: Path) -> bool:
    try:
        real = folder.resolve()
        wide = [*root.resolve().parents]
        with contextlib.suppress(RuntimeError):
            wide += [Path.home().resolve(), *Path.home().resolve().parents]
        return real in wide or real.parent == real
    except (OSError, RuntimeError):
        return True


def _sections(text: str) -> list[dict[str, Any]]:
    # Loaded late: the file is rare.
    import yaml

    try:
        content = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError):
        return []
    if not isinstance(content, dict):
        return []
    return [section for section in content.values() if isinstance(section, dict)]
