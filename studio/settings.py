"""Where things live, and what the user chose: typed, versioned, saved atomically.

`STUDIO_HOME` moves all state under one folder. Without it, state follows the platform's
habits and the library lies under the user's pictures. `STUDIO_STARTER` moves the folder in
which the starter models are looked for (otherwise `resources/models` beside the package).
"""

from __future__ import annotations

import errno
import os
import sys
import time
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from studio.formats.atomic_write import write_whole
from studio.protocol import Problem, Sentence

SETTINGS_VERSION = 1

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


class TextValues(Struct):
    """The Text tab's last values."""

    prompt: str = ""
    system_prompt: str = ""
    model: str = ""
    count: int = 1
    seed: int | None = None
    max_tokens: int = 512
    temperature: float = 0.7
    top_p: float = 0.95
    top_k: int = 50
    repetition_penalty: float = 1.1
    more_open: bool = False


class ImageValues(Struct):
    """The Image tab's last values. None is "what suits the model"."""

    prompt: str = ""
    negative_prompt: str = ""
    model: str = ""
    count: int = 1
    seed: int | None = None
    width: int | None = None
    height: int | None = None
    steps: int | None = None
    guidance_scale: float | None = None
    scheduler: str = ""
    image: str = ""
    strength: float = 0.6
    mask: str = ""
    transparent: bool = False
    more_open: bool = False


class UpscaleValues(Struct):
    """The Upscale tab's last values. An empty output folder is the library."""

    model: str = ""
    scale: int = 2
    inputs: list[str] = []
    output: str = ""
    more_open: bool = False


class WindowValues(Struct):
    """The window's layout: Qt's own state, base64."""

    geometry: str = ""
    state: str = ""
    tab: str = "text"
    splitters: dict[str, list[int]] = {}


class Settings(Struct):
    """What the user chose. Unknown fields of a newer version are ignored, not lost on read."""

    version: int = SETTINGS_VERSION
    language: Literal["", "en", "zh_CN"] = ""
    colour_scheme: Literal["system", "light", "dark"] = "system"
    library: str = ""
    threads: int = 0
    device: str = ""
    aigc_label: bool = False
    aigc_producer: str = ""
    text: TextValues = msgspec.field(default_factory=TextValues)
    image: ImageValues = msgspec.field(default_factory=ImageValues)
    upscale: UpscaleValues = msgspec.field(default_factory=UpscaleValues)
    window: WindowValues = msgspec.field(default_factory=WindowValues)


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
        settings = msgspec.json.decode(data, type=Settings)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        aside = path.with_name(f"settings.damaged-{time.strftime('%Y%m%d-%H%M%S')}.json")
        try:
            path.replace(aside)
        except OSError:
            aside = path
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
        write_whole(path, msgspec.json.format(msgspec.json.encode(settings), indent=2))
    except OSError as error:
        return Problem(
            "disk_full" if error.errno == errno.ENOSPC else "bad_input",
            Sentence("The settings could not be saved in {path}.", {"path": str(path.parent)}),
            str(error),
        )
    return None
