"""Print the events of jobs: JSON for scripts, or text for a person."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import msgspec

from studio.cli.columns import columns_of, padded
from studio.cli.language import tr, translated
from studio.cli.terminal import visible, write_over
from studio.formats.chat.thoughts import without_thoughts
from studio.jobs.forms.attempts import Checked
from studio.jobs.results import LINE_LABEL
from studio.jobs.runner import AssetSaved, JobChanged, PreviewSaved
from studio.kinds.citations import cite, with_numbers
from studio.kinds.sources import Source, numbered, place_of, sources_of
from studio.library.records import Asset, Job
from studio.library.review import mark_of, review_state
from studio.protocol import (
    Accepted,
    Cancelled,
    Failed,
    Loading,
    NotResponding,
    Problem,
    Progress,
    RowFailed,
    Sentence,
    TextDelta,
    Warned,
    sentence,
)

_MOST_SOURCES = 50


@dataclass(frozen=True)
class FileWritten:
    """A file beside the results was written."""

    path: Path


class Output(Protocol):
    """Prints the reports of a runner."""

    def report(self, event: object) -> None: ...

    def finish(self) -> None: ...


@dataclass
class Tally:
    """Counts results, failed and cancelled jobs, and the total time. A failed row fails its job."""

    started: float = field(default_factory=time.monotonic)
    assets: int = 0
    failed: int = 0
    cancelled: int = 0
    interrupted: bool = False
    """Whether the user pressed Ctrl+C."""

    def count(self, event: object) -> None:
        """Count an event."""
        match event:
            case AssetSaved():
                self.assets += 1
            case Failed():
                self.failed += 1
            case Cancelled():
                self.cancelled += 1

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return round(time.monotonic() - self.started, 3)


class JsonOutput:
    """Prints one event per line on standard output; the last one is always `done`."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally

    def report(self, event: object) -> None:
        """Print an event, if it is part of the JSON format."""
        self._tally.count(event)
        fields = _fields(event)
        if fields is not None:
            _print_json(fields)

    def finish(self) -> None:
        """Print the last line."""
        _print_json(
            {
                "event": "done",
                "assets": self._tally.assets,
                "failed": self._tally.failed,
                "seconds": self._tally.seconds,
            }
        )


def print_usage_error(
    command: str, message: Sentence, *, as_json: bool, kind: str = "bad_input"
) -> None:
    """Print why a call is invalid; with `as_json` also the events of a failed run."""
    print(f"{f'studio {command}'.strip()}: {translated(message)}", file=sys.stderr)
    if as_json:
        _print_json({"event": "failed", "kind": kind, "message": str(message)})
        _print_json({"event": "done", "assets": 0, "failed": 0, "seconds": 0.0})


def note_text(note: Sentence | str) -> str:
    """Return a note as it is printed. A text is one already translated."""
    return tr("Note: {message}", message=note)


def _print_json(fields: dict[str, Any]) -> None:
    _write_out(json.dumps(fields, ensure_ascii=False) + "\n")


def _write_out(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _fields(event: object) -> dict[str, Any] | None:
    match event:
        case Accepted():
            return {"event": "accepted", "job": event.job}
        case Loading():
            return {
                "event": "loading",
                "job": event.job,
                "stage": str(event.stage),
                "fraction": event.fraction,
            }
        case Progress():
            return {
                "event": "progress",
                "job": event.job,
                "step": event.step,
                "steps": event.steps,
                "seconds_left": event.seconds_left,
            }
        case TextDelta():
            return {"event": "text", "job": event.job, "row": event.row, "text": event.text}
        case PreviewSaved():
            path = str(event.path)
            return {"event": "preview", "job": event.job, "row": event.row, "path": path}
        case AssetSaved():
            return {
                "event": "asset",
                "job": event.asset.job,
                "row": event.asset.row,
                "path": str(event.asset.path),
                "seed": event.asset.recipe.seed,
                "seconds": round(event.asset.seconds, 3),
            } | _more_fields(event.asset)
        case FileWritten():
            return {"event": "file", "path": str(event.path)}
        case Checked():
            return _check_fields(event)
        case Warned():
            return {
                "event": "warning",
                "job": event.job,
                "kind": event.kind,
                "message": str(event.message),
            }
        case NotResponding():
            message = str(_silence(event))
            return {
                "event": "warning",
                "job": event.job,
                "kind": "not_responding",
                "message": message,
            }
        case RowFailed():
            fields = {"event": "failed", "job": event.job, "row": event.row}
            return fields | _problem_fields(event.problem)
        case Failed():
            return {"event": "failed", "job": event.job} | _problem_fields(event.problem)
        case Cancelled():
            return {"event": "cancelled", "job": event.job}
    return None


def _more_fields(asset: Asset) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if asset.recipe.stats.get("reached_limit"):
        fields["cut"] = True
    if asset.review_state:
        fields["review"] = asset.review_state
    if sources := sources_of(asset.recipe.request):
        cited = cite(without_thoughts(asset.text), sources)
        fields["sources"] = [
            {"number": number, "name": source.name} | msgspec.to_builtins(passage)
            for number, source, passage in numbered(sources)
        ]
        fields["citations"] = [
            {"end": each.end, "numbers": list(each.numbers), "by": each.by} for each in cited
        ]
    return fields


def review_note(state: str) -> str:
    """Return what stands above a text in this state of review, "" if nothing must."""
    mark = mark_of(state)
    return f"{translated(mark.note)}\n\n" if mark is not None else ""


def source_lines(sources: Sequence[Source], answer: str) -> list[str]:
    """Return a line for each passage that an answer cites, or for all if it cites none."""
    cited = {number for each in cite(answer, sources) for number in each.numbers}
    return [
        visible(f"[{number}] {source.name}, {translated(place_of(source, passage))}")
        for number, source, passage in numbered(sources)
        if number in cited or not cited
    ][:_MOST_SOURCES]


def _check_fields(event: Checked) -> dict[str, Any]:
    findings = [
        {
            "kind": each.kind,
            "text": each.text,
            "message": str(each.message),
            "start": each.start,
            "end": each.end,
        }
        for each in event.found.findings
    ]
    return {
        "event": "check",
        "job": event.asset.job,
        "row": event.asset.row,
        "path": str(event.asset.path),
        "attempt": event.attempt,
        "again": event.again,
        "findings": findings,
        "not_judged": [str(remark) for remark in event.found.not_judged],
    }


def _problem_fields(problem: Problem) -> dict[str, Any]:
    return {"kind": problem.kind, "message": str(problem.message)}


def _silence(event: NotResponding) -> Sentence:
    return sentence(
        "The engine has not responded for {seconds} seconds. It may be busy with a long step: wait,"
        " or press Ctrl+C to stop.",
        seconds=f"{event.seconds:.0f}",
    )


class HumanOutput:
    """Prints results on standard output, and progress on standard error if it is a terminal.

    `if_nothing` is printed at the end if there was nothing to do, `if_interrupted` after Ctrl+C.
    """

    def __init__(
        self,
        tally: Tally,
        *,
        stream_text: bool,
        if_nothing: Sentence | None = None,
        if_interrupted: Sentence | None = None,
    ) -> None:
        self._tally = tally
        self._stream_text = stream_text
        self._if_nothing = if_nothing
        self._if_interrupted = if_interrupted
        self._jobs: dict[str, Job] = {}
        self._noted: set[str] = set()
        self._stop_printed = False
        self._terminal = sys.stderr.isatty()
        self._progress_width = 0
        self._at_line_start = True

    def report(self, event: object) -> None:
        """Print an event."""
        self._tally.count(event)
        match event:
            case JobChanged():
                self._track(event.job)
            case Loading():
                self._progress(f"{translated(event.stage)} …")
            case Progress():
                text = tr("{done} of {total}", done=event.step, total=event.steps)
                if event.seconds_left is not None:
                    text += ", " + tr("{time} left", time=f"{event.seconds_left:.0f} s")
                self._progress(text)
            case TextDelta() if self._stream_text:
                self._clear()
                self._write_review_note(event.job)
                self._write(event.text)
            case AssetSaved():
                self._asset(event)
            case FileWritten():
                self._clear()
                self._write(f"{event.path}\n")
            case Checked():
                self._print_checked(event)
            case Warned():
                self._note(event.job, event.message)
            case NotResponding():
                self._note(event.job, _silence(event))
            case RowFailed():
                self._row_failed(event)
            case Failed():
                self._failed(event)
            case Cancelled():
                self._print_stopped()

    def finish(self) -> None:
        """Print a summary."""
        tally = self._tally
        if tally.interrupted:
            self._print_stopped()
            if self._if_interrupted:
                self._print_note(translated(self._if_interrupted))
        elif self._if_nothing and not (tally.assets or tally.failed or tally.cancelled):
            self._print_note(translated(self._if_nothing))
            return
        parts = [tr("{count} made", count=tally.assets)]
        if tally.failed:
            parts.append(tr("{count} failed", count=tally.failed))
        self._print_note(", ".join([*parts, f"{tally.seconds:.1f} s"]))

    def _asset(self, event: AssetSaved) -> None:
        self._clear()
        if not self._at_line_start:
            self._write("\n")
        if event.asset.text and not self._stream_text:
            seed = tr("seed {seed}", seed=event.asset.recipe.seed)
            self._write(f"--- {self._heading(event.asset)}, {seed}\n")
            self._write(review_note(event.asset.review_state))
            text = without_thoughts(event.asset.text).rstrip()
            sources = sources_of(event.asset.recipe.request)
            self._write(with_numbers(text, sources) + "\n")
            if sources:
                self._write("\n" + "".join(f"{line}\n" for line in source_lines(sources, text)))
        self._write(f"{event.asset.path}\n")

    def _print_checked(self, event: Checked) -> None:
        for finding in event.found.findings:
            self._print_note(
                visible(f"{event.asset.path.name}: {finding.text}: {translated(finding.message)}")
            )
        for remark in event.found.not_judged:
            self._print_note(f"{event.asset.path.name}: {translated(remark)}")
        if event.again:
            self._print_note(tr("{name} is written again.", name=event.asset.path.name))

    def _track(self, job: Job) -> None:
        if job.status == "running":
            self._jobs[job.id] = job
        else:
            self._jobs.pop(job.id, None)

    def _write_review_note(self, job_id: str) -> None:
        """Say before the first words of a text that a person must review it."""
        job = self._jobs.get(job_id)
        if job is not None and job_id not in self._noted:
            self._noted.add(job_id)
            self._write(review_note(review_state(None, job.labels)))

    def _line(self, job_id: str) -> str:
        """Return the line of a job of a table, "" for another."""
        job = self._jobs.get(job_id)
        return job.labels.get(LINE_LABEL, "") if job is not None else ""

    def _note(self, job_id: str, message: Sentence) -> None:
        if line := self._line(job_id):
            self._print_note(tr("Note on line {line}: {message}", line=line, message=message))
        else:
            self._print_note(note_text(message))

    def _row_failed(self, event: RowFailed) -> None:
        number, message = event.row + 1, event.problem.message
        if line := self._line(event.job):
            text = tr(
                "Variation {number} failed on line {line}: {message}",
                number=number,
                line=line,
                message=message,
            )
        else:
            text = tr("Variation {number} failed: {message}", number=number, message=message)
        self._print_note(text)

    def _failed(self, event: Failed) -> None:
        message = event.problem.message
        if line := self._line(event.job):
            self._print_note(tr("Failed on line {line}: {message}", line=line, message=message))
        else:
            self._print_note(tr("Failed: {message}", message=message))

    def _heading(self, asset: Asset) -> str:
        line = asset.recipe.labels.get(LINE_LABEL)
        if not line:
            return str(asset.row + 1)
        job = self._jobs.get(asset.job)
        if job is not None and job.request.count > 1:
            return tr("line {line}, variation {number}", line=line, number=asset.row + 1)
        return tr("line {line}", line=line)

    def _print_stopped(self) -> None:
        """Print this only once, although every job of a group reports it."""
        if not self._stop_printed:
            self._stop_printed = True
            self._print_note(tr("Stopped."))

    def _write(self, text: str) -> None:
        if text:
            _write_out(text)
            self._at_line_start = text.endswith("\n")

    def _progress(self, text: str) -> None:
        if self._terminal and self._at_line_start:
            shown = " ".join(text.split())
            write_over(padded(shown, self._progress_width))
            self._progress_width = columns_of(visible(shown))

    def _clear(self) -> None:
        if self._progress_width:
            write_over(" " * self._progress_width)
            write_over("")
            self._progress_width = 0

    def _print_note(self, text: str) -> None:
        self._clear()
        if not self._at_line_start:
            self._write("\n")
        print(text, file=sys.stderr, flush=True)
