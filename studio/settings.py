"""Where things live, and what the user chose: typed, versioned, saved atomically.

`STUDIO_HOME` moves all state under one folder. Without it, state follows the platform's
habits and the library lies under the user's pictures. `STUDIO_STARTER` moves the folder in
which the starter models are looked for (otherwise `resources/models` beside the package).
"""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec
from msgspec import Struct

from studio.formats.atomic_write import write_atomic
from studio.formats.json_file import set_aside
from studio.protocol import Problem, Sentence

SETTINGS_VERSION = 1

Values = TypeVar("Values", bound=Struct)

RESOURCES = Path(__file__).resolve().parent.parent / "resources"


class Paths(Struct, frozen=True):
    """The folders and files of one installation. None of them needs to exist yet."""

    settings: Path
    library: Path
    models: Path
    starter: Path
    logs: Path
    cache: Path


def _user_folder(kind: Literal["state", "pictures"]) -> Path:
    home = Path.home()
    if kind == "pictures":
        return home / "Pictures" / "Prompt Studio"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", home / "AppData" / "Local")) / "Prompt Studio"
    if sys.platform == "darwin":
        return home / "Library" / "Application Support" / "Prompt Studio"
    return Path(os.environ.get("XDG_DATA_HOME", home / ".local" / "share")) / "prompt-studio"


def default_paths() -> Paths:
    """Return the folders in force, from the environment as it is now."""
    forced = os.environ.get("STUDIO_HOME")
    state = Path(forced).expanduser().absolute() if forced else _user_folder("state")
    starter = os.environ.get("STUDIO_STARTER")
    return Paths(
        settings=state / "settings.json",
        library=state / "library" if forced else _user_folder("pictures"),
        models=state / "models",
        starter=Path(starter).expanduser().absolute() if starter else RESOURCES / "models",
        logs=state / "logs",
        cache=state / "cache",
    )


class WindowValues(Struct):
    """The window's layout: Qt's own state, base64."""

    geometry: str = ""
    state: str = ""
    tab: str = ""
    splitters: dict[str, list[int]] = {}


class Settings(Struct):
    """What the user chose.

    `tabs` are the values of the tabs that asked for theirs, by task. `rest` is what else the
    file holds: values of other tabs, and what a newer version wrote. It is written back as it is.
    """

    version: int = SETTINGS_VERSION
    language: Literal["", "en", "zh_CN"] = ""
    colour_scheme: Literal["system", "light", "dark"] = "system"
    library: str = ""
    threads: int = 0
    device: str = ""
    aigc_label: bool = False
    aigc_producer: str = ""
    window: WindowValues = msgspec.field(default_factory=WindowValues)
    tabs: dict[str, Struct] = {}
    rest: dict[str, Any] = {}

    def tab(self, task: str, values: type[Values]) -> Values:
        """Return a tab's values, of the type that the tab gives: the same object each time.

        A value of the file that the type does not take is left at its default.
        """
        held = self.tabs.get(task)
        if not isinstance(held, values):
            held = self.tabs[task] = _read_values(self.rest.get(task), values)
        return held


_OWN = frozenset(Settings.__struct_fields__) - {"tabs", "rest"}


def _read_values(found: object, values: type[Values]) -> Values:
    if not isinstance(found, dict):
        return values()
    try:
        return msgspec.convert(found, values)
    except msgspec.ValidationError:
        fields = {field.name: field.type for field in msgspec.structs.fields(values)}
        read = {name: _converted(found[name], fields[name]) for name in fields if name in found}
        return values(**{name: value for name, value in read.items() if value is not _REFUSED})


_REFUSED = object()


def _converted(value: object, type_: Any) -> object:
    try:
        return msgspec.convert(value, type_)
    except msgspec.ValidationError:
        return _REFUSED


def library_root(settings: Settings, paths: Paths) -> Path:
    """Return the library's folder: the one the user chose, or the usual one."""
    return Path(settings.library) if settings.library else paths.library


def load_settings(path: Path) -> tuple[Settings, Problem | None]:
    """Read the settings file; a damaged one is set aside and reported, never fatal.

    Returns the settings (defaults where there are none) and what went wrong, if anything did.
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
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
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
    """Write the settings atomically. Returns what went wrong, or None."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, msgspec.json.format(msgspec.json.encode(_file_of(settings)), indent=2))
    except OSError as error:
        return Problem(
            "disk_full" if error.errno == errno.ENOSPC else "bad_input",
            Sentence("The settings could not be saved in {path}.", {"path": str(path.parent)}),
            str(error),
        )
    return None


def _file_of(settings: Settings) -> dict[str, Any]:
    """Return what the file is to hold; what it held beyond what is known here stays."""
    known = {name: msgspec.to_builtins(getattr(settings, name)) for name in _OWN}
    known |= {task: msgspec.to_builtins(values) for task, values in settings.tabs.items()}
    file = dict(settings.rest)
    for name, value in known.items():
        before = file.get(name)
        both = isinstance(value, dict) and isinstance(before, dict)
        file[name] = before | value if both else value
    return file
