"""Paths and user settings: typed, versioned, saved atomically.

`STUDIO_HOME` moves all state to one folder. Without it, state is stored in the platform's usual
place and the library in the user's pictures folder. `STUDIO_STARTER` overrides the folder of the
starter models (default: `resources/models` beside the package).
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec
from msgspec import Struct

from studio.formats.atomic_write import make_private_folder, sweep, write_atomic
from studio.formats.json_file import set_aside
from studio.formats.untrusted_files import user_path
from studio.protocol import Problem, Sentence, problem

SETTINGS_VERSION = 1

Values = TypeVar("Values", bound=Struct)

RESOURCES = Path(__file__).resolve().parent.parent / "resources"


class Paths(Struct, frozen=True):
    """The folders and files of an installation. They need not exist yet."""

    settings: Path
    library: Path
    models: Path
    starter: Path
    logs: Path
    cache: Path

    @property
    def chosen_folders(self) -> Path:
        """The list of folders outside the library that the user chose for results."""
        return self.settings.with_name("output_folders")


def _user_folder(kind: Literal["state", "pictures"]) -> Path:
    try:
        home = Path.home()
    except RuntimeError as error:
        raise problem(
            "bad_input",
            "Your home folder is not known. Set the environment variable HOME, or set STUDIO_HOME "
            "to the folder that Prompt Studio should use.",
            str(error),
        ) from error
    if kind == "pictures":
        return home / "Pictures" / "Prompt Studio"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", home / "AppData" / "Local")) / "Prompt Studio"
    if sys.platform == "darwin":
        return home / "Library" / "Application Support" / "Prompt Studio"
    return Path(os.environ.get("XDG_DATA_HOME", home / ".local" / "share")) / "prompt-studio"


def default_paths() -> Paths:
    """Return the paths for the current environment variables.

    Raises `ProblemError` if they do not say where the user's home folder is.
    """
    home = os.environ.get("STUDIO_HOME")
    state = user_path(home) if home else _user_folder("state")
    starter = os.environ.get("STUDIO_STARTER")
    return Paths(
        settings=state / "settings.json",
        library=state / "library" if home else _user_folder("pictures"),
        models=state / "models",
        starter=user_path(starter) if starter else RESOURCES / "models",
        logs=state / "logs",
        cache=state / "cache",
    )


def sweep_state(paths: Paths) -> None:
    """Remove the temporary files that killed processes left beside settings, models and caches."""
    for folder in {paths.settings.parent, paths.models, paths.cache}:
        sweep(folder)


class WindowValues(Struct):
    """The window's layout. `geometry` and `state` are Qt's own data in base64."""

    geometry: str = ""
    state: str = ""
    tab: str = ""
    splitters: dict[str, list[int]] = {}


class Settings(Struct):
    """The user's settings.

    `tabs` holds the values of the tabs that requested theirs, by task. `rest` is the content of
    the file as read, including values of other tabs and of newer versions. Unknown values are
    written back unchanged.
    """

    version: int = SETTINGS_VERSION
    language: Literal["", "en", "zh_CN"] = ""
    colour_scheme: Literal["system", "light", "dark"] = "system"
    library: str = ""
    hub_endpoint: str = ""
    threads: int = 0
    device: str = ""
    aigc_label: bool = False
    aigc_producer: str = ""
    window: WindowValues = msgspec.field(default_factory=WindowValues)
    tabs: dict[str, Struct] = {}
    rest: dict[str, Any] = {}

    def tab(self, task: str, values: type[Values]) -> Values:
        """Return a tab's values as the struct `values`, the same object for each call.

        Stored values of the wrong type are replaced by their defaults.
        """
        current = self.tabs.get(task)
        if not isinstance(current, values):
            current = self.tabs[task] = _read_values(self.rest.get(task), values)
        return current


_OWN = frozenset(Settings.__struct_fields__) - {"tabs", "rest"}


def _read_values(stored: object, values: type[Values]) -> Values:
    if not isinstance(stored, dict):
        return values()
    valid: dict[str, Any] = {}
    for field in msgspec.structs.fields(values):
        if field.name in stored:
            with contextlib.suppress(msgspec.ValidationError):
                valid[field.name] = msgspec.convert(stored[field.name], field.type)
    return values(**valid)


def library_root(settings: Settings, paths: Paths) -> Path:
    """Return the library's folder: the user's choice, or the default."""
    return user_path(settings.library) if settings.library else paths.library


def load_settings(path: Path) -> tuple[Settings, Problem | None]:
    """Read the settings file. A damaged file is set aside and reported.

    Returns the settings (defaults if there is no valid file) and the problem, if any.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return Settings(), None
    except OSError as error:
        return Settings(), Problem(
            "bad_input",
            Sentence(
                "The settings in {path} cannot be read. Defaults are used.", {"path": str(path)}
            ),
            str(error),
        )
    try:
        file = msgspec.json.decode(data, type=dict[str, Any])
        own = {name: value for name, value in file.items() if name in _OWN}
        settings = msgspec.convert(own, Settings)
        settings.rest = file
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        aside = set_aside(path)
        return Settings(), Problem(
            "bad_input",
            Sentence(
                "The settings file was damaged. It was kept as {path}, and defaults are used.",
                {"path": str(aside)},
            ),
            str(error),
        )
    return settings, None


def save_settings(path: Path, settings: Settings) -> Problem | None:
    """Write the settings atomically. Returns the problem, or None."""
    content = msgspec.json.encode(_file_content(settings))
    try:
        make_private_folder(path.parent)
        write_atomic(path, msgspec.json.format(content, indent=2), private=True)
    except OSError as error:
        return Problem(
            "disk_full" if error.errno == errno.ENOSPC else "bad_input",
            Sentence("The settings could not be saved in {path}.", {"path": str(path.parent)}),
            str(error),
        )
    return None


def _file_content(settings: Settings) -> dict[str, Any]:
    """Return the settings for the file, merged with the unknown values that were read from it."""
    known = {name: msgspec.to_builtins(getattr(settings, name)) for name in _OWN}
    known |= {task: msgspec.to_builtins(values) for task, values in settings.tabs.items()}
    content = dict(settings.rest)
    for name, value in known.items():
        old = content.get(name)
        is_mergeable = isinstance(value, dict) and isinstance(old, dict)
        content[name] = old | value if is_mergeable else value
    return content
