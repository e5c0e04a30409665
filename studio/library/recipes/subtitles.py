"""Subtitles from the words and times that a sound file holds, written beside a copy or alone."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path

from studio.formats.recipes.recipe_files import read_embedded
from studio.formats.sounds import lyrics
from studio.formats.sounds.comments import LYRICS
from studio.library.disk_problems import file_problem
from studio.library.folder.file_names import numbered, portable_name
from studio.library.recipes.corrections import correction_of
from studio.library.recipes.metadata import read_recipe
from studio.library.review import marked_name
from studio.protocol import problem


def write_subtitles(
    sounds: Mapping[Path, str], folder: Path, form: str, root: Path | None = None
) -> list[Path]:
    """Write the subtitles of results to a folder that exists, as `srt`, `vtt` or `lrc`.

    `sounds` has the state of review of each, which the names of the files say. With the `root` of
    their library, as they were corrected there.

    Existing files are not overwritten; a number is added to the name. Raises `ProblemError`
    (bad_input) for a file without words, and on disk errors.
    """
    written: list[Path] = []
    for sound, state in sounds.items():
        text = subtitles_of(sound, form, root)
        name = marked_name(portable_name(f"{sound.stem}.{form}"), state)
        try:
            written.append(_write(folder / name, text))
        except OSError as error:
            raise file_problem(error, folder) from error
    return written


def subtitles_of(sound: Path, form: str, root: Path | None = None) -> str:
    """Return the subtitles of a result. Raises `ProblemError` (bad_input)."""
    try:
        recipe = read_recipe(sound) if root is not None else None
        kept = correction_of(root, recipe.job, recipe.row) if root and recipe else ()
        lines = kept or lyrics.from_lrc(read_embedded(sound).texts.get(LYRICS, ""))
    except OSError as error:
        raise problem(
            "bad_input",
            "The file {name} is no longer where it was saved.",
            str(error),
            name=sound.name,
        ) from error
    if not lines:
        raise problem(
            "bad_input",
            "{name} does not say when its words are said, so there are no subtitles of it.",
            name=sound.name,
        )
    return lyrics.FORMATS[form](lines)


def _write(wanted: Path, text: str) -> Path:
    for number in itertools.count(1):
        path = numbered(wanted, number)
        try:
            with path.open("x", encoding="utf-8", newline="\n") as file:
                file.write(text)
        except FileExistsError:
            continue
        return path
    raise AssertionError("unreachable")
