"""Runs an icon job: from the words of the prompt to drawings, as pictures with the SVG in them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

import resvg_py

from studio.engine.local.devices import Device
from studio.engine.local.job import EtaEstimator, Job
from studio.engine.local.memory import MemoryArbiter
from studio.engine.local.recipes import make_recipe
from studio.engine.tasks.icon.grammar import grammatical
from studio.engine.tasks.icon.load import IconModel, acquire_icons
from studio.engine.tasks.icon.sampling import ROWS, Choice, steps
from studio.formats.icons import tokens
from studio.formats.icons.drawing import Drawing, Look, drawing_of
from studio.formats.icons.model_folder import family_token
from studio.formats.icons.path_data import icon_of
from studio.formats.icons.words import read_prompt
from studio.formats.pictures import png
from studio.formats.pictures.embedded import SVG, Embedded
from studio.formats.weights.weights_fingerprint import weight_hash
from studio.kinds.icon import IconRequest, stroke_width
from studio.protocol import RunJob, Sentence, problem, seed_of_row, sentence

_PREVIEW_SIDE = 96
_PREVIEW_STEPS = 8
_NAMED = 5
_LONGEST_LIST = 200
"""Words and characters that a sentence lists at most."""


def run(job: Job, command: RunJob, memory: MemoryArbiter, device: Device) -> dict[str, float]:
    """Draw an icon for each row.

    Returns:
        Statistics: seconds by stage.

    Raises:
        ProblemError: no word of the prompt is known, or the model cannot be used.
        JobCancelledError: within a step of the cancellation.
        OSError: a result could not be written.
    """
    request = command.request
    if not isinstance(request, IconRequest):
        raise TypeError(f"not an icon job: {type(request).__name__}")
    started = time.monotonic()
    model = acquire_icons(command.model, job, memory)
    loaded = time.monotonic()
    job.loading(sentence("Reading the prompt"))
    prompt, notes = _prompt(job, request, model, command.model.name)
    begin = _begin(request.begin)
    nothing = tokens.prompt_ids(model.vocabulary.ids, (), ())
    choice = Choice(request.temperature, request.top_p, request.guidance_scale)
    pace = _Pace(job, len(command.rows))
    fingerprint = weight_hash(command.model, job.check)
    for start in range(0, len(command.rows), ROWS):
        rows = command.rows[start : start + ROWS]
        begun = time.monotonic()
        seeds = [seed_of_row(request.seed, row) for row in rows]
        ended: set[int] = set()
        drawings = steps(model.network, prompt, nothing, seeds, choice, begin=begin)
        for count, drawn in enumerate(drawings, 1):
            job.check()
            pace.step(start, count)
            for place, row in enumerate(rows):
                if place in ended:
                    continue
                if drawn[place][-1] != tokens.END:
                    if count % _PREVIEW_STEPS == 0:
                        _preview(job, request, row, drawn[place])
                    continue
                ended.add(place)
                seconds = time.monotonic() - begun
                path = _write(job, request, drawn[place])
                recipe = make_recipe(
                    command,
                    request.with_values(seed=seeds[place], count=1),
                    row,
                    device=f"cpu ({device.label})" if device.kind == "cpu" else "cpu",
                    dtype="float32",
                    libraries={name: metadata.version(name) for name in ("torch", "transformers")},
                    model_sha256=fingerprint,
                    adjustments=notes,
                    timings={
                        "load": round((loaded - started) / len(command.rows), 3),
                        "draw": round(seconds / len(rows), 3),
                    },
                    stats={"tokens": float(len(drawn[place])), "seconds": round(seconds, 3)},
                )
                job.asset(row, path, recipe)
    return {"load_seconds": loaded - started, "draw_seconds": time.monotonic() - loaded}


class _Pace:
    """The progress of a job in steps of the model, as if every drawing had the longest length."""

    def __init__(self, job: Job, rows: int) -> None:
        self._job = job
        self._calls = -(-rows // ROWS)
        self._total = self._calls * tokens.LONGEST
        self._estimator = EtaEstimator(self._total)
        job.progress(0, self._total)

    def step(self, start: int, count: int) -> None:
        """Report a step of the call that begins with row `start`."""
        done = start // ROWS * tokens.LONGEST + count
        self._job.progress(done, self._total, self._estimator.seconds_left(done))


def _prompt(
    job: Job, request: IconRequest, model: IconModel, name: str
) -> tuple[list[int], tuple[str, ...]]:
    """Return the ids of the prompt, and what was said about words that are not drawn."""
    reading = read_prompt(request.prompt, model.vocabulary.words)
    notes: list[str] = []

    def warn(kind: str, note: Sentence) -> None:
        notes.append(str(note))
        job.warn(kind, note)

    named = ", ".join(reading.unknown[:_NAMED]) + ("…" if len(reading.unknown) > _NAMED else "")
    if reading.unknown and not reading.known:
        raise problem(
            "bad_input",
            "The icon model knows none of these words: {words}. Name a thing in English or "
            "Chinese, such as house, calendar or heart.",
            words=named[:_LONGEST_LIST],
        )
    if reading.is_style:
        warn(
            "no_prompt",
            sentence("The prompt names a style and no thing: these icons show anything."),
        )
    elif not reading.known:
        warn("no_prompt", sentence("The prompt is empty: these icons show anything."))
    if reading.unknown:
        warn(
            "unknown_words",
            sentence("Not known, and left out: {words}.", words=named[:_LONGEST_LIST]),
        )
    if reading.replaced:
        pairs = ", ".join(f"{given} → {used}" for given, used in reading.replaced[:_NAMED])
        warn(
            "unknown_words",
            sentence("Drawn as words that are known: {words}.", words=pairs[:_LONGEST_LIST]),
        )
    style = _style(request, model, name)
    room = tokens.LONGEST_PROMPT - len(style) - 2
    if len(reading.known) > room:
        warn(
            "prompt_cut",
            sentence("Only the first {count} words of the prompt are drawn.", count=room),
        )
    return tokens.prompt_ids(model.vocabulary.ids, reading.known, style), tuple(notes)


def _style(request: IconRequest, model: IconModel, name: str) -> tuple[str, ...]:
    family = request.family.strip().lower()
    families = model.vocabulary.families
    if family and family not in families:
        raise problem(
            "bad_input",
            "The model {name} knows no icon set {family}. It knows: {families}.",
            name=name,
            family=request.family[:60],
            families=", ".join(families) or "–",
        )
    return (
        *((family_token(family),) if family else ()),
        f"<{request.corners}>",
        f"<{request.weight}>",
    )


def _begin(data: str) -> list[str]:
    """Return the tokens of the strokes that a drawing begins with, as far as they leave room."""
    icon = icon_of(data) or ()
    while icon:
        *drawn, _ = tokens.encode(icon)
        if len(drawn) <= tokens.LONGEST // 2 and grammatical([*drawn, tokens.END]):
            return drawn
        icon = icon[:-1]
    return []


def _drawing(request: IconRequest, drawn: Sequence[str]) -> Drawing:
    look = Look(stroke_width(request), request.corners == "rounded", request.colour)
    return drawing_of(tokens.decode(drawn), look)


def _write(job: Job, request: IconRequest, drawn: Sequence[str]) -> Path:
    svg = _drawing(request, drawn).document(request.side)
    plain = job.temporary(".png")
    plain.write_bytes(_picture(svg, request.side))
    path = job.temporary(".png")
    with plain.open("rb") as source, path.open("xb") as target:
        png.write(source, target, Embedded(texts={SVG: svg}))
    plain.unlink()
    return path


def _preview(job: Job, request: IconRequest, row: int, drawn: Sequence[str]) -> None:
    begun = tokens.decode(tokens.whole_commands(drawn))
    if not begun:
        return
    look = Look(stroke_width(request), request.corners == "rounded", request.colour)
    svg = drawing_of(begun, look).document(_PREVIEW_SIDE)
    job.preview(row, lambda path: _save(path, _picture(svg, _PREVIEW_SIDE)), ".png")


def _save(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def _picture(svg: str, side: int) -> bytes:
    return bytes(resvg_py.svg_to_bytes(svg_string=svg, width=side, skip_system_fonts=True))
