"""What the message bar says without being asked, and the next step it offers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QUrl
from PySide6.QtGui import QDesktopServices

from studio.kinds.requests import prompt_of
from studio.library.records import Job
from studio.protocol import Problem, Warned
from studio.ui.messages.message_bar import MessageBar
from studio.ui.messages.shown_message import ShownMessage
from studio.ui.shell.state import AppState
from studio.ui.style.theme import Severity
from studio.ui.style.translations import tr, translated
from studio.ui.widgets.shortened import shortened

if TYPE_CHECKING:
    from studio.library.store import Library

NextStep = tuple[str, Callable[[], object] | None]

NAMED = 40
"""Characters of a prompt that a message about it begins with, at most."""


def _resume(job: str, library: Library) -> Job:
    return library.retries.resume(job)


def _named(job: Job) -> str:
    prompt = " ".join(prompt_of(job.request)[: 10 * NAMED].split())
    return shortened(prompt, NAMED)


def kind_of(problem: Problem) -> Severity:
    """A fault of the environment is a warning with a way out; a bug is an error to report."""
    return "error" if problem.kind in ("bug", "engine_crashed") else "warning"


def next_step(problem: Problem, state: AppState, messages: MessageBar) -> NextStep:
    """Return the text and the action of what a person can do about a problem."""
    match problem.kind:
        case "model_missing" | "model_broken":
            return tr("Models…"), lambda: state.destinations.open_models("")
        case "disk_full":
            folder = QUrl.fromLocalFile(str(state.library_root))
            return tr("Open folder"), lambda: QDesktopServices.openUrl(folder)
        case _:
            return (tr("Details"), messages.show_list) if problem.detail else ("", None)


class Notices(QObject):
    """Speaks up when a job fails, when something was changed, and about what was interrupted."""

    def __init__(self, state: AppState, messages: MessageBar, parent: QObject) -> None:
        super().__init__(parent)
        self._state = state
        self._messages = messages
        self._running: dict[str, Job] = {}
        self._about_a_job: ShownMessage | None = None
        state.reports.job_changed.connect(self._job_changed)
        state.reports.warned.connect(self._warned)
        state.library_opened.connect(self._library_opened)

    def _job_changed(self, job: Job) -> None:
        if job.status == "running":
            self._begun(job)
        else:
            self._running.pop(job.id, None)
        if job.status == "failed":
            self._failed(job)

    def _begun(self, job: Job) -> None:
        """Take away what was said about an earlier job; remember what this one is about."""
        if self._about_a_job is not None and self._messages.current() is self._about_a_job:
            self._messages.clear()
        self._running[job.id] = job

    def _warned(self, report: Warned) -> None:
        self._tell_warning(report)
        self._about_a_job = self._messages.current()

    def _tell_warning(self, report: Warned) -> None:
        text = translated(report.message)
        job = self._running.get(report.job)
        prompt, task = ("", "") if job is None else (_named(job), job.request.task)
        if prompt:
            text = self.tr("“{prompt}”: {message}").format(prompt=prompt, message=text)
        elif self._messages.text().endswith(text):
            # A tab has said it, with the name of the file it is about.
            return
        if report.kind == "out_of_domain":
            self._messages.show_message(
                text,
                "warning",
                self.tr("Add a model…"),
                partial(self._state.destinations.open_models, task),
            )
        else:
            self._messages.show_message(text, "info")

    def _failed(self, job: Job) -> None:
        problem = job.problem
        if problem is None:
            return
        text, action = next_step(problem, self._state, self._messages)
        if problem.kind in ("engine_crashed", "out_of_memory", "disk_full"):
            text = self.tr("Try again")
            action = self._retry(job)
        self._messages.show_message(
            translated(problem.message), kind_of(problem), text, action, detail=problem.detail
        )

    def _retry(self, job: Job) -> Callable[[], object]:
        return lambda: self._state.change_jobs(lambda library: library.retries.retry(job.id))

    def _library_opened(self) -> None:
        library = self._state.library
        if library is None:
            return
        if not library.is_owner:
            self._messages.show_message(
                self.tr(
                    "Another Prompt Studio uses this library and runs its queue. "
                    "What you start here waits for it."
                ),
                "info",
            )
            return
        self._state.background.read(
            self, library.queue.interrupted, self._offer_to_resume, self._state.problem.emit
        )

    def _offer_to_resume(self, jobs: Sequence[Job]) -> None:
        if not jobs:
            return

        def resume() -> None:
            for job in jobs:
                self._state.change_jobs(partial(_resume, job.id))

        self._messages.show_message(
            self.tr("Interrupted when the app last ended: {n}. What was finished is kept.").format(
                n=len(jobs)
            ),
            "warning",
            self.tr("Run what is missing"),
            resume,
        )
