"""What a storyboard needs, which of it is there, and the requests for the rest."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from studio.formats.sounds.recording import seconds_of
from studio.formats.untrusted_files import is_file
from studio.kinds.coding import request_from_fields, to_json
from studio.kinds.field_errors import field_sentence
from studio.kinds.film import KIND as FILM
from studio.kinds.film import Shot
from studio.kinds.kind import Medium
from studio.kinds.registry import kind_of, known_kind, prompted_kind
from studio.library.records import Asset, Job
from studio.library.store import Library
from studio.protocol import ProblemError, Request, problem
from studio.storyboard.board import Board, BoardShot

PART_LABEL = "storyboard_part"
"""Label of the jobs of a storyboard: a hash of what was asked for, so that it is made once."""
USUAL_SECONDS = 3.0
_LEAST_SECONDS = 1.5
_BREATH = 0.5
"""Seconds after the last word of a shot."""


class Part(Struct, frozen=True):
    """A picture or a voice that is needed; `key` is the same for the same request."""

    key: str
    request: Request


class Parts(Struct, frozen=True):
    """What the shots need, by their places; None for a shot that needs none."""

    pictures: tuple[Part | None, ...]
    voices: tuple[Part | None, ...]

    def all(self) -> list[Part]:
        """Return all parts, each once: voices first, since they are made soonest."""
        found = {part.key: part for part in (*self.voices, *self.pictures) if part is not None}
        return list(found.values())


class Shown(Struct, frozen=True):
    """What there is of a shot: its variations by row, which one is shown, and its voice."""

    variations: dict[int, Asset] = {}
    picture: Path | None = None
    voice: Asset | None = None
    seconds: float = USUAL_SECONDS


def batch_of(board_id: str) -> str:
    """Return the batch to which the jobs of a storyboard belong."""
    return f"storyboard-{board_id}"


def parts_of(board: Board) -> Parts:
    """Return what the shots of a storyboard need. Raises `ProblemError` (bad_input)."""
    pictures = tuple(_picture(board, shot) for shot in board.shots)
    voices = tuple(_voice(board, shot) for shot in board.shots)
    return Parts(pictures, voices)


def latest_parts(library: Library, board_id: str) -> dict[str, Job]:
    """Return the jobs of a storyboard by their keys: done ones, or else the latest."""
    batch = batch_of(board_id)
    found: dict[str, Job] = {}
    for job in sorted(library.queue.list(limit=1_000_000), key=lambda job: job.number):
        key = job.labels.get(PART_LABEL, "")
        if job.batch != batch or not key:
            continue
        earlier = found.get(key)
        if earlier is None or earlier.status != "done" or job.status == "done":
            found[key] = job
    return found


def assets_of(library: Library, job: Job | None) -> dict[int, Asset]:
    """Return the results of a job whose files are there, by row."""
    if job is None:
        return {}
    return {asset.row: asset for asset in library.assets.of_job(job.id) if is_file(asset.path)}


def missing_parts(library: Library, parts: Sequence[Part], jobs: Mapping[str, Job]) -> list[Part]:
    """Return the parts that no job makes or has made."""
    return [
        part
        for part in parts
        if part.key not in jobs
        or (jobs[part.key].status == "done" and not assets_of(library, jobs[part.key]))
    ]


def enqueue(
    library: Library, board_id: str, parts: Sequence[Part], output: str = "", *, claim: bool = False
) -> list[Job]:
    """Store jobs for parts, all or none. Raises `ProblemError`."""
    if not parts:
        return []
    return library.queue.enqueue(
        [part.request for part in parts],
        batch=batch_of(board_id),
        output=output,
        labels=[{PART_LABEL: part.key} for part in parts],
        claim=claim,
    )


def shown_shots(library: Library, board: Board, jobs: Mapping[str, Job]) -> list[Shown]:
    """Return what there is of each shot. Raises `ProblemError`."""
    parts = parts_of(board)
    made = {part.key: assets_of(library, jobs.get(part.key)) for part in parts.all()}
    found: list[Shown] = []
    for shot, picture, voice in zip(board.shots, parts.pictures, parts.voices, strict=True):
        variations = made[picture.key] if picture is not None else {}
        said = made[voice.key].get(0) if voice is not None else None
        path = Path(shot.file) if shot.file else None
        if path is None and variations:
            path = variations.get(shot.chosen, next(iter(variations.values()))).path
        found.append(Shown(variations, path, said, _length(shot, said)))
    return found


def film_of(board: Board, shots: Sequence[Shown]) -> Part:
    """Return the film of a storyboard; a shot without a picture shows that of the one before.

    Raises `ProblemError` (bad_input) if there is no picture at all.
    """
    first = next((shown.picture for shown in shots if shown.picture is not None), None)
    if first is None:
        raise problem("bad_input", "No shot has a picture yet. Make the pictures first.")
    pictures = [first]
    for shown in shots:
        pictures.append(shown.picture or pictures[-1])
    request = film_request(board, shots, pictures[1:])
    return Part(_key(request), request)


def film_request(board: Board, shots: Sequence[Shown], seen: Sequence[Path]) -> Request:
    """Return the request of a film, of which `seen` are the pictures, by shot.

    Raises `ProblemError` (bad_input).
    """
    pictures: dict[Path, int] = {}
    voices: dict[Path, int] = {}
    made: list[Shot] = []
    for shot, shown, picture in zip(board.shots, shots, seen, strict=True):
        voice = -1
        if shown.voice is not None:
            voice = voices.setdefault(shown.voice.path, len(voices))
        made.append(
            Shot(
                pictures.setdefault(picture, len(pictures)),
                round(shown.seconds, 2),
                shot.motion,
                voice,
                shot.voice,
            )
        )
    return _request(
        {
            "fit": "whole",
            **board.film_options,
            "task": FILM.task,
            "title": board.title,
            "pictures": [{"path": str(path)} for path in pictures],
            "voices": [{"path": str(path)} for path in voices],
            "shots": msgspec.to_builtins(made),
        }
    )


def _picture(board: Board, shot: BoardShot) -> Part | None:
    if shot.file or not shot.picture:
        return None
    prompt = ", ".join(filter(None, (shot.picture.rstrip(".。"), board.look)))
    kind = prompted_kind(Medium.PICTURE)
    request = _request(
        {
            "count": board.variations,
            "seed": shot.seed,
            **board.picture_options,
            "task": kind.task,
            "prompt": prompt,
        }
    )
    return Part(_key(request), request)


def _voice(board: Board, shot: BoardShot) -> Part | None:
    if not any(character.isalnum() for character in shot.voice):
        return None
    kind = prompted_kind(Medium.AUDIO)
    request = _request({**board.voice_options, "task": kind.task, "prompt": shot.voice, "count": 1})
    return Part(_key(request), request)


def _request(fields: dict[str, Any]) -> Request:
    try:
        request = request_from_fields(fields)
    except msgspec.ValidationError as error:
        kind = known_kind(str(fields["task"]))
        assert kind is not None
        message = field_sentence(error, kind.fields)
        raise problem("bad_input", "{message}", str(error), message=message) from error
    for _, message in kind_of(request).check(request):
        raise ProblemError(problem("bad_input", "{message}", message=message).problem)
    return request


def _key(request: Request) -> str:
    return hashlib.sha256(to_json(request).encode()).hexdigest()[:24]


def _length(shot: BoardShot, voice: Asset | None) -> float:
    said = 0.0
    if voice is not None:
        said = (voice.duration or seconds_of(voice.path)) + _BREATH
    return max(shot.seconds or (_LEAST_SECONDS if said else USUAL_SECONDS), said)
