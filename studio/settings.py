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
from typing import Annotated, Any, Literal, TypeVar, cast

import msgspec
from msgspec import Meta, Struct

from studio.formats.atomic_write import make_private_folder, sweep, write_atomic
from studio.formats.json_file import damaged_name
from studio.formats.untrusted_files import is_folder, is_unicode, printable, read_start, user_path
from studio.protocol import Problem, ProblemError, Sentence, problem

SETTINGS_VERSION = 1
_MAX_BYTES = 16 * 2**20

Values = TypeVar("Values", bound=Struct)

MAX_THREADS = 256

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
    def is_models_folder_gone(self) -> bool:
        """Whether the models folder is one that the user chose, and is not there now.

        A folder with nothing but hidden files is the mount point of an unplugged disk: a chosen
        one holds its list.
        """
        if self.models == self.settings.with_name("models"):
            return False
        try:
            return all(entry.name.startswith(".") for entry in self.models.iterdir())
        except OSError:
            return True

    def missing_models(self) -> ProblemError | None:
        """Return the error to raise where the models folder is needed and `is_models_folder_gone`.

        Also if another process has moved it. None if it is there.
        """
        now = None if is_folder(self.models) else _chosen_models(self.settings)
        if now not in (None, self.models):
            return problem(
                "bad_input",
                "Your models are in {path} now: they were moved by another window or command. "
                "Start Prompt Studio again.",
                path=now,
            )
        if not self.is_models_folder_gone:
            return None
        return problem(
            "bad_input",
            "The folder of models {path} is not there. Connect its disk, or choose another folder "
            "in the settings.",
            path=self.models,
        )

    def require_models(self) -> None:
        """Raise `ProblemError` if the models folder is not there (`missing_models`)."""
        error = self.missing_models()
        if error is not None:
            raise error

    def make_models_folder(self) -> None:
        """Create the default models folder; a chosen one was made when it was chosen.

        Raises `ProblemError` like `require_models`, and `OSError`.
        """
        self.require_models()
        if self.models == self.settings.with_name("models"):
            make_private_folder(self.models)

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
    if not is_unicode(state):
        raise problem(
            "bad_input",
            "The name of the folder {path} is not valid UTF-8. Set STUDIO_HOME to another folder, "
            "or rename it.",
            path=printable(str(state)),
        )
    starter = os.environ.get("STUDIO_STARTER")
    return Paths(
        settings=state / "settings.json",
        library=state / "library" if home else _user_folder("pictures"),
        models=_models_folder(state),
        starter=user_path(starter) if starter else RESOURCES / "models",
        logs=state / "logs",
        cache=state / "cache",
    )


def _models_folder(state: Path) -> Path:
    """Return the folder of models: the user's choice, or the default."""
    return _chosen_models(state / "settings.json") or state / "models"


def _chosen_models(file: Path) -> Path | None:
    """Return the folder of models that the settings name now, None for the default."""
    for place in (file, _copy_of(file)):
        try:
            chosen = msgspec.json.decode(read_start(place, _MAX_BYTES), type=_ModelsFolder)
        except FileNotFoundError:
            break
        except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue  # whoever loads the settings says what is wrong with them
        return user_path(chosen.models) if chosen.models else None
    return None


def sweep_state(paths: Paths) -> None:
    """Remove the temporary files that killed processes left beside settings, models and caches."""
    for folder in {paths.settings.parent, paths.models, paths.cache}:
        sweep(folder)


Pixels = Annotated[int, Meta(ge=0, le=100_000)]


class WindowValues(Struct):
    """The window's layout. `geometry` and `state` are Qt's own data in base64."""

    geometry: str = ""
    state: str = ""
    tab: str = ""
    splitters: dict[str, list[Pixels]] = {}
    side_open: bool = True
    """Whether the library is open at the side, where there is room for it."""
    tile: Pixels = 176
    side_tile: Pixels = 104
    """Width of the tiles of the library, on its page and at the side."""
    side_as_grid: bool = False
    page_as_list: bool = False
    """Whether the library is a grid at the side, and a list on its own page."""
    sheets_open: bool = True
    """Whether the tiles of the contact sheets are unfolded on the library's page."""


class _ModelsFolder(Struct):
    models: str = ""


class Settings(Struct):
    """The user's settings.

    `tabs` holds the values of the tabs that requested theirs, by task. `rest` is the content of
    the file as read, including values of other tabs and of newer versions. Unknown values are
    written back unchanged. `is_unknown` says that there is a file that could not be read, so that
    nobody knows what was chosen: the library may be elsewhere, and the file is not written.
    """

    version: int = SETTINGS_VERSION
    language: Literal["", "en", "zh_CN"] = ""
    colour_scheme: Literal["system", "light", "dark"] = "system"
    library: str = ""
    models: str = ""
    hub_endpoint: str = ""
    proxy: str = ""
    threads: Annotated[int, Meta(ge=0, le=MAX_THREADS)] = 0
    device: str = ""
    aigc_label: bool = False
    aigc_producer: str = ""
    aigc_visible: bool = False
    reviewer: str = ""
    window: WindowValues = msgspec.field(default_factory=WindowValues)
    tabs: dict[str, Struct] = {}
    rest: dict[str, Any] = {}
    is_unknown: bool = False

    def tab(self, task: str, values: type[Values]) -> Values:
        """Return a tab's values as the struct `values`, the same object for each call.

        Stored values of the wrong type are replaced by their defaults.
        """
        current = self.tabs.get(task)
        if not isinstance(current, values):
            current = self.tabs[task] = _read_values(self.rest.get(task), values)
        return current


_OWN = frozenset(Settings.__struct_fields__) - {"tabs", "rest", "is_unknown"}


_WITH_SAFE_DEFAULT = frozenset({"version", "language", "colour_scheme", "threads", "window"})


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
    """Read the settings file. What is wrong with it is reported.

    A damaged file is kept under another name, and the copy that was saved with it takes its
    place. Without a valid copy it stays where it is, and the settings are `is_unknown`.
    """
    try:
        data = read_start(path, _MAX_BYTES)
        return _parsed(data)
    except FileNotFoundError:
        return Settings(), None
    except OSError as error:
        data, cause = None, str(error)
    except msgspec.DecodeError as error:
        cause = str(error)
    try:
        copied = read_start(_copy_of(path), _MAX_BYTES)
        settings, _ = _parsed(copied)
    except (OSError, msgspec.DecodeError):
        return Settings(is_unknown=True), Problem(
            "bad_input",
            Sentence(
                "The settings cannot be read, so it is not known where your library is. Choose its "
                "folder in the settings of the window, repair {path}, or delete it to use the "
                "default library.",
                {"path": str(path)},
            ),
            cause,
        )
    return settings, Problem("bad_input", _restored(path, data, copied), cause)


def language_of(path: Path) -> str:
    """Return the language of the settings, or else of their copy; nothing is repaired or said."""
    for file in (path, _copy_of(path)):
        try:
            return _parsed(read_start(file, _MAX_BYTES))[0].language
        except FileNotFoundError:
            break
        except (OSError, msgspec.DecodeError):
            continue
    return ""


def _restored(path: Path, damaged: bytes | None, copied: bytes) -> Sentence:
    """Put the copy in the place of a damaged file, which is kept. Return what to say."""
    if damaged is not None:
        aside = damaged_name(path)
        with contextlib.suppress(OSError):
            write_atomic(aside, damaged, private=True)
            write_atomic(path, copied, private=True)
            return Sentence(
                "The settings file was damaged. It was kept as {path}, and the copy that was saved "
                "with it is used.",
                {"path": str(aside)},
            )
    return Sentence(
        "The settings file {path} is damaged or cannot be read. The copy that was saved with it is "
        "used.",
        {"path": str(path)},
    )


def _parsed(data: bytes) -> tuple[Settings, Problem | None]:
    """Return the settings; values out of range are replaced by their defaults, and reported.

    Raises `msgspec.DecodeError` if the library or another choice cannot be told.
    """
    try:
        file = msgspec.json.decode(data, type=dict[str, Any])
    except (UnicodeDecodeError, RecursionError) as error:
        raise msgspec.DecodeError(str(error)) from error
    own = {name: value for name, value in file.items() if name in _OWN}
    settings = Settings()
    wrong: list[str] = []
    for field in msgspec.structs.fields(Settings):
        if field.name not in own:
            continue
        try:
            setattr(settings, field.name, msgspec.convert(own[field.name], field.type))
        except msgspec.ValidationError:
            if field.name not in _WITH_SAFE_DEFAULT:
                raise
            wrong.append(field.name)
    if isinstance(own.get("window"), dict) and "window" in wrong:
        settings.window = _read_values(own["window"], WindowValues)
    settings.rest = file
    if not wrong:
        return settings, None
    return settings, Problem(
        "bad_input",
        Sentence(
            "Some values in the settings file are not valid: {names}. Their defaults are used.",
            {"names": ", ".join(wrong)},
        ),
    )


def save_settings(path: Path, settings: Settings) -> Problem | None:
    """Write the settings and their copy, each atomically. Returns the problem, or None.

    What another process has saved meanwhile is kept, but for values that differ from those that
    these settings had when they were read or saved. Does nothing if they are `is_unknown`.
    """
    if settings.is_unknown:
        return None
    own = file_content(settings)
    merged = _with_changes_of_others(own, settings.rest, path)
    content = msgspec.json.format(msgspec.json.encode(merged), indent=2)
    try:
        make_private_folder(path.parent)
        write_atomic(path, content, private=True)
        write_atomic(_copy_of(path), content, private=True)
    except OSError as error:
        return Problem(
            "disk_full" if error.errno == errno.ENOSPC else "bad_input",
            Sentence("The settings could not be saved in {path}.", {"path": str(path.parent)}),
            str(error),
        )
    settings.rest = own
    return None


def _with_changes_of_others(
    own: dict[str, Any], before: dict[str, Any], path: Path
) -> dict[str, Any]:
    """Return the content to write: `own`, which was `before`, and what the file has by now."""
    try:
        current = msgspec.json.decode(read_start(path, _MAX_BYTES), type=dict[str, Any])
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return own
    # As JSON, since 0 and 0.0 are equal, but only one may be a valid value.
    encode = msgspec.json.encode
    known = {name: encode(value) for name, value in (file_content(Settings()) | before).items()}
    changed = {name for name, value in own.items() if encode(value) != known.get(name)}
    return own | {name: value for name, value in current.items() if name not in changed}


def keep_unreadable(path: Path) -> None:
    """Keep a settings file that could not be read under another name, before it is replaced."""
    with contextlib.suppress(OSError):
        path.replace(damaged_name(path))


def _copy_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.bak")


def file_content(settings: Settings) -> dict[str, Any]:
    """Return the settings for the file, merged with the unknown values that were read from it."""
    known = {name: msgspec.to_builtins(getattr(settings, name)) for name in _OWN}
    known |= {task: msgspec.to_builtins(values) for task, values in settings.tabs.items()}
    content = dict(settings.rest)
    for name, value in known.items():
        old = content.get(name)
        is_mergeable = isinstance(value, dict) and isinstance(old, dict)
        content[name] = old | value if is_mergeable else value
    return cast(dict[str, Any], msgspec.json.decode(msgspec.json.encode(content)))
