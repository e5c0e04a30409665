"""`studio storyboard`: a script becomes pictures, voices, and a film with subtitles."""

from __future__ import annotations

import argparse
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from studio.cli.exit_status import DONE, SOME_FAILED, USAGE_ERROR
from studio.cli.folders import library_folder, output_folder
from studio.cli.headless import Headless
from studio.cli.language import translated
from studio.cli.output import FileWritten, note_text, print_usage_error
from studio.formats.untrusted_files import user_path
from studio.jobs.batch import RemainingJobs
from studio.jobs.runner import AssetSaved
from studio.kinds.registry import kind_of
from studio.library.records import Job
from studio.library.review import mark_of
from studio.library.store import Library
from studio.models.registry import Registry
from studio.protocol import Failed, Problem, ProblemError, Sentence, problem, sentence
from studio.settings import default_paths
from studio.storyboard.board import MAX_VARIATIONS, Board, with_seeds
from studio.storyboard.board_files import BoardFiles, id_of_script
from studio.storyboard.exports import state_of, write_beside
from studio.storyboard.production import (
    Part,
    assets_of,
    enqueue,
    film_of,
    latest_parts,
    missing_parts,
    parts_of,
    shown_shots,
)
from studio.storyboard.script import Script, read_script

_FIRST_SEED = 1000


def storyboard(options: argparse.Namespace) -> int:
    """Make a storyboard and its film, and return the exit status."""
    paths = default_paths()
    registry = Registry(paths)
    library: Library | None = None
    try:
        file = user_path(options.file)
        script = read_script(file)
        for note in script.notes:
            print(note_text(note), file=sys.stderr)
        board = _board(options, script)
        parts = parts_of(board).all()
        for part in {kind_of(part.request).task: part for part in parts}.values():
            registry.resolve_all(part.request)
        output = output_folder(options.output)
        library = Library.open(library_folder(paths), run_queue=False)
        id = id_of_script(file.read_bytes(), output, repr(replace(board, used=0.0)))
        files = BoardFiles(library.root)
        with files.making(id):
            board = files.read(id) or board
            files.write(id, board)
            with Headless(
                library,
                paths,
                registry,
                as_json=options.json,
                if_nothing=sentence("All parts of the storyboard are there already."),
                if_interrupted=sentence("To go on from here, run the same command again."),
            ) as headless:
                return _Making(library, id, board, output, headless).run()
    except ProblemError as error:
        found = error.problem
        print_usage_error("storyboard", found.message, as_json=options.json, kind=found.kind)
        if library is not None:
            library.close()
        return USAGE_ERROR
    except OSError as error:
        message = sentence(
            "{path} cannot be read ({reason}).", path=options.file, reason=error.strerror or "?"
        )
        print_usage_error("storyboard", message, as_json=options.json)
        return USAGE_ERROR


class _Making:
    """The jobs of one storyboard: pictures and voices first, then the film of them."""

    def __init__(
        self, library: Library, id: str, board: Board, output: str, headless: Headless
    ) -> None:
        self._library = library
        self._id = id
        self._board = board
        self._output = output
        self._headless = headless
        self._remaining = RemainingJobs(library, self._jobs(parts_of(board).all()))
        self._film: Part | None = None
        self._made: list[Path] = []
        self._failed = False

    def run(self) -> int:
        """Make what is missing and return the exit status."""
        status = self._headless.run(self._remaining, self._note, self._wait)
        return SOME_FAILED if status == DONE and self._failed else status

    def _jobs(self, parts: Sequence[Part]) -> list[Job]:
        """Return the jobs of parts, of which those that are not there yet are stored."""
        known = latest_parts(self._library, self._id)
        new = missing_parts(self._library, parts, known)
        enqueue(self._library, self._id, new, self._output, claim=True)
        known = latest_parts(self._library, self._id)
        return [known[part.key] for part in parts]

    def _note(self, event: object) -> None:
        if isinstance(event, AssetSaved) and self._film is not None:
            self._made.append(event.asset.path)

    def _wait(self, stopped: threading.Event, report: Callable[[object], None]) -> bool:
        """Begin the film when its parts are there, and export it when it is."""
        if stopped.is_set():
            return False
        if self._remaining.wait(stopped, lambda job: report(_failed_elsewhere(job))):
            return True
        try:
            shots = shown_shots(self._library, self._board, latest_parts(self._library, self._id))
            if self._film is None:
                self._film = film_of(self._board, shots)
                self._remaining.add(self._jobs([self._film]))
                return True
            job = latest_parts(self._library, self._id).get(self._film.key)
            film = assets_of(self._library, job).get(0)
            if film is not None and not stopped.is_set():
                state = state_of(film, shots)
                note = translated(mark.about) if (mark := mark_of(state)) else ""
                for path in write_beside(self._board, shots, film.path, state, note):
                    report(FileWritten(path))
        except ProblemError as error:
            self._failed = True
            report(Failed(self._id, error.problem))
        return False


def _board(options: argparse.Namespace, script: Script) -> Board:
    """Return the storyboard that a call asks for. Raises `ProblemError`."""
    if not 1 <= options.count <= MAX_VARIATIONS:
        raise problem(
            "bad_input",
            "{option} {value} is not valid: {reason}",
            option="-n",
            value=options.count,
            reason=sentence("It must be 1 to {most}.", most=MAX_VARIATIONS),
        )
    seed = options.seed if options.seed is not None else _FIRST_SEED
    film: dict[str, Any] = {
        name: getattr(options, name)
        for name in ("fps", "fade", "format", "sound", "quality", "fit")
        if getattr(options, name) is not None
    }
    if "sound" in film:
        sound = user_path(film["sound"])
        if not sound.is_file():
            raise problem("bad_input", "The file {path} does not exist.", path=sound)
        film["sound"] = {"path": str(sound.absolute())}
    if options.size is not None:
        film |= _size(options.size)
    voice = {"voice": options.voice, "speed": options.speed, "model": options.voice_model}
    picture = {"model": options.picture_model}
    return Board(
        title=options.title or script.title,
        shots=with_seeds(script.shots, seed, options.count),
        look=options.look,
        variations=options.count,
        picture_options=_given(picture),
        voice_options=_given(voice),
        film_options=film,
    )


def _given(options: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


def _size(text: str) -> dict[str, str]:
    width, cross, height = text.lower().replace("×", "x").partition("x")
    if not cross or not width.strip().isdigit() or not height.strip().isdigit():
        raise problem(
            "bad_input", "--size {size} is not a size. Write it like 768x512.", size=repr(text)
        )
    return {"width": width.strip(), "height": height.strip()}


def _failed_elsewhere(job: Job) -> Failed:
    message = Sentence("This part failed in another process. Run the command again.")
    return Failed(job.id, job.problem or Problem("bug", message))
