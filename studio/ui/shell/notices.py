"""Messages about jobs and the library, each with the next step it offers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from PySide6.QtCore import QObject

from studio.kinds.requests import prompt_of
from studio.library.records import Job
from studio.protocol import NotResponding, Problem, Responding, Warned
from studio.ui.messages.message_bar import MessageBar
from studio.ui.messages.shown_message import ShownMessage
from studio.ui.shell.model_offers import language_of, model_offers_of
from studio.ui.shell.state import AppState
from studio.ui.style.theme import Severity
from studio.ui.style.translations import tr, translated
from studio.ui.widgets.open_path import open_path
from studio.ui.widgets.plain_text import one_line

NextStep = tuple[str, Callable[[], object] | None]

QUOTED_PROMPT = 40
"""Maximum length in characters of a prompt quoted in a message."""


def _quoted_prompt(job: Job) -> str:
    return one_line(prompt_of(job.request)[: 10 * QUOTED_PROMPT], QUOTED_PROMPT)


def severity_of(problem: Problem) -> Severity:
    """Return "error" for bugs and crashes, "warning" for what the user can fix."""
    return "error" if problem.kind in ("bug", "engine_crashed") else "warning"


def next_step(problem: Problem, state: AppState, messages: MessageBar) -> NextStep:
    """Return text and action of the button offered with a problem; ("", None) for no button."""
    match problem.kind:
        case "model_missing" | "model_broken":
            return tr("Models…"), lambda: state.destinations.open_models("")
        case "disk_full":
            return tr("Open folder"), lambda: open_path(state.library_root, state.show_message)
        case _ if state.settings.is_unknown:  # which is why nothing else works
            return tr("Settings"), state.destinations.open_settings
        case _:
            return (tr("Details"), messages.show_list) if problem.detail else ("", None)


class Notices(QObject):
    """Shows a message when a job fails or warns, and about interrupted jobs after startup."""

    def __init__(self, state: AppState, messages: MessageBar, parent: QObject) -> None:
        super().__init__(parent)
        self._state = state
        self._messages = messages
        self._running: dict[str, Job] = {}
        self._job_message: ShownMessage | None = None
        self._silence_message: ShownMessage | None = None
        self._silent: set[str] = set()
        state.reports.job_changed.connect(self._job_changed)
        state.reports.warned.connect(self._warned)
        state.reports.not_responding.connect(self._not_responding)
        state.reports.responding.connect(self._responding)
        state.library_opened.connect(self._library_opened)

    def _job_changed(self, job: Job) -> None:
        if job.status == "running":
            self._started(job)
        else:
            self._running.pop(job.id, None)
        self._heard(job.id)
        if job.status == "failed":
            self._failed(job)

    def _started(self, job: Job) -> None:
        """Remember the job and clear a message about an earlier one."""
        if self._job_message is not None and self._messages.current() is self._job_message:
            self._messages.clear()
        self._running[job.id] = job

    def _warned(self, report: Warned) -> None:
        self._show_warning(report)
        self._job_message = self._messages.current()

    def _show_warning(self, report: Warned) -> None:
        text = translated(report.message)
        job = self._running.get(report.job)
        prompt, task = ("", "") if job is None else (_quoted_prompt(job), job.request.task)
        if prompt:
            text = self.tr("“{prompt}”: {message}").format(prompt=prompt, message=text)
        elif self._messages.text().endswith(text):
            # A tab has already shown it together with the file name.
            return
        if report.kind == "out_of_domain":
            offered = model_offers_of(self._state).action(task, language_of(prompt))
            self._messages.show_message(text, "warning", *offered)
        else:
            self._messages.show_message(text, "info")

    def _not_responding(self, report: NotResponding) -> None:
        self._silent.add(report.job)
        self._messages.show_message(
            self.tr(
                "The engine is not responding. It may be busy with a long step: wait, or restart"
                " it. The job then continues; finished results are kept."
            ),
            "warning",
            self.tr("Restart engine"),
            partial(self._state.worker.restart_engine, report.job),
        )
        self._silence_message = self._messages.current()

    def _responding(self, report: Responding) -> None:
        self._heard(report.job)

    def _heard(self, job: str) -> None:
        """Clear the message that the engine is not responding, if it was about this job."""
        self._silent.discard(job)
        message = self._silence_message
        if message is not None and not self._silent and self._messages.current() is message:
            self._messages.clear()

    def _failed(self, job: Job) -> None:
        problem = job.problem
        if problem is None:
            return
        text, action = next_step(problem, self._state, self._messages)
        if problem.kind in ("engine_crashed", "out_of_memory", "disk_full"):
            text = self.tr("Retry")
            action = partial(self._retry, job)
        self._messages.show_message(
            translated(problem.message), severity_of(problem), text, action, detail=problem.detail
        )

    def _retry(self, job: Job) -> None:
        self._state.change_jobs(lambda library: library.retries.retry(job.id))

    def _resume(self, job: Job) -> None:
        self._state.change_jobs(lambda library: library.retries.resume(job.id))

    def _library_opened(self) -> None:
        library = self._state.library
        if library is None or library.is_read_only:
            return
        if not library.is_owner:
            self._messages.show_message(
                self.tr(
                    "Another Prompt Studio is using this library and runs its queue. "
                    "Jobs that you start here are added to that queue."
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
                self._resume(job)

        self._messages.show_message(
            self.tr(
                "1 job was interrupted when the app last closed. Its finished results are kept."
            )
            if len(jobs) == 1
            else self.tr(
                "{n} jobs were interrupted when the app last closed. "
                "Their finished results are kept."
            ).format(n=len(jobs)),
            "warning",
            self.tr("Resume"),
            resume,
        )
