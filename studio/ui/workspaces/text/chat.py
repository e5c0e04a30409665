"""Sends prompts, streams the answers into the conversation, and saves it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

import msgspec
from PySide6.QtCore import QLockFile, QObject, QTimer, Signal

from studio.kinds.text import TextRequest
from studio.library.records import Asset, Job
from studio.protocol import Loading, Message, Problem, Progress, RowFailed, Sentence, TextDelta
from studio.ui.shell.job_watch import Ended, JobWatch
from studio.ui.shell.state import AppState
from studio.ui.shell.typed_signal import TypedSignal
from studio.ui.style.translations import translated
from studio.ui.widgets.run_bar import RunBar
from studio.ui.widgets.times import duration_text
from studio.ui.workspaces.text.context_meter import token_count_text
from studio.ui.workspaces.text.conversation import (
    Answer,
    Conversation,
    Turn,
    encode,
    load_conversation,
    save_conversation,
)
from studio.ui.workspaces.text.conversation_view import ConversationView

SAVE_AFTER_MS = 500
SAVE_WHILE_WRITING_MS = 3000


class _PendingAnswers:
    """The answers that a job generates: `count` answers of a turn, from index `base` on."""

    def __init__(
        self, watch: JobWatch, turn: Turn, base: int, count: int, answer_start: str = ""
    ) -> None:
        self.watch = watch
        self.turn = turn
        self.base = base
        self.count = count
        self.answer_start = answer_start
        self.started = False

    @property
    def answers(self) -> list[Answer]:
        """The answers that the job generates."""
        return self.turn.answers[self.base : self.base + self.count]

    def writes_chosen(self) -> bool:
        """Return whether the job has yet to finish the chosen answer of its turn."""
        index = self.turn.chosen
        return (
            self.base <= index < self.base + self.count
            and index < len(self.turn.answers)
            and not self.turn.answers[index].asset
        )


class Chat(QObject):
    """Updates the conversation and its view from the events of its jobs."""

    changed = Signal()
    # Signal(int) is limited to 2³¹−1; seeds go up to 2³²−1.
    seed_used = cast("TypedSignal[int]", Signal(object))
    refused = Signal(str)
    """The prompt of a turn whose job could not be stored; the turn was removed."""

    def __init__(
        self, state: AppState, view: ConversationView, run_bar: RunBar, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._state = state
        self._view = view
        self._run_bar = run_bar
        self._file = state.paths.settings.with_name("conversation.json")
        # Held by the window that shows the last conversation.
        self._file_lock = QLockFile(str(self._file.with_suffix(".lock")))
        self._file_lock.setStaleLockTime(0)
        self._keeps_file = False
        """Whether the conversation is saved: not before the last one has been read."""
        state.closing.connect(self._file_lock.unlock)
        self._pending: list[_PendingAnswers] = []
        self._save_timer = QTimer(self)
        self._save_timer.setSingleShot(True)
        self._save_timer.timeout.connect(self._save_in_background)
        self.conversation = view.conversation
        state.reports.job_changed.connect(self._resume)
        view.chosen.connect(lambda _: self._changed())

    # ---- the conversation

    def load(self) -> None:
        """Read the last conversation in the background; show it unless a new one was started."""
        self._state.background.read(self, self._read, self._loaded, self._state.problem.emit)

    def _read(self) -> tuple[Conversation, Problem | None]:
        if not self._file_lock.tryLock(0) and (
            self._file_lock.error() == QLockFile.LockError.LockFailedError
        ):
            return Conversation(), Problem(
                "bad_input",
                Sentence(
                    "The last conversation is open in another window. The one in this window is "
                    "not kept when it is closed; its answers stay in History."
                ),
            )
        self._keeps_file = True
        return load_conversation(self._file)

    def _loaded(self, found: tuple[Conversation, Problem | None]) -> None:
        conversation, problem = found
        if problem is not None:
            self._state.problem.emit(problem)
        if conversation.turns and not self.conversation.turns:
            self.conversation = conversation
            self._view.show_conversation(conversation)
            self.changed.emit()
        elif self.conversation.turns:
            self._save_timer.start(SAVE_AFTER_MS)

    def replace(
        self,
        conversation: Conversation,
        note: str,
        restored: Callable[[], object] = lambda: None,
    ) -> None:
        """Show another conversation; the message bar offers to restore the previous one.

        `restored` is called when that is done.
        """
        previous = self.conversation
        self._show(conversation)

        def restore() -> None:
            self._show(previous)
            restored()

        if previous.turns:
            self._state.show_message(note, "info", self.tr("Restore the previous one"), restore)

    def _show(self, conversation: Conversation) -> None:
        self.conversation = conversation
        self._view.show_conversation(conversation)
        for pending in self._pending:
            self._show_running(pending)
        self._changed()

    def index_of(self, turn: Turn) -> int | None:
        """Return the index of a turn, or None if it is not in this conversation."""
        for index, other in enumerate(self.conversation.turns):
            if other is turn:
                return index
        return None

    def messages(self, before: int | None = None) -> tuple[Message, ...]:
        """Return the turns before index `before` as chat messages, without unfinished answers."""
        return self.conversation.messages(before, self._being_written())

    def _being_written(self) -> list[Turn]:
        """Return the turns whose chosen answer is not finished."""
        return [pending.turn for pending in self._pending if pending.writes_chosen()]

    def remove_from(self, turn: Turn) -> None:
        """Remove a turn and all later ones. Their answers stay in the library."""
        index = self.index_of(turn)
        if index is not None:
            del self.conversation.turns[index:]
            self._view.drop_removed()
            self._changed()

    # ---- sending

    def send(self, prompt: str, request: TextRequest) -> None:
        """Add a turn and submit the request for its answers."""
        turns = self.conversation.turns
        turn = Turn(prompt=prompt, answers=[Answer() for _ in range(request.count)])
        turn.unanswered = bool(turns) and any(other is turns[-1] for other in self._being_written())
        turns.append(turn)
        pending = self._submit(request, turn, 0)
        self._view.add_turn(turn)
        self._show_running(pending)
        self._changed()

    def regenerate(self, turn: Turn, request: TextRequest) -> None:
        """Generate one more answer to a turn, with a random seed."""
        index = self.index_of(turn)
        if index is None:
            return
        request = msgspec.structs.replace(
            request, count=1, seed=None, messages=self.messages(index)
        )
        base = len(turn.answers)
        turn.answers.append(Answer())
        turn.chosen = base
        self._show_running(self._submit(request, turn, base))
        self._changed()

    def go_on(self, turn: Turn, index: int, request: TextRequest) -> None:
        """Generate the rest of an answer that was stopped or reached its maximum length."""
        place = self.index_of(turn)
        if place is None:
            return
        answer = turn.answers[index]
        # Tokens of words begin with their space.
        start = answer.text.rstrip(" ")
        request = msgspec.structs.replace(
            request,
            count=1,
            seed=answer.seed,
            messages=self.messages(place),
            answer_start=start,
        )
        for job, base in turn.jobs.items():
            if base == index and answer.stopped:
                # Resuming it would write the same answer again from its start.
                self._state.cancel(job)
        turn.chosen = index
        self._show_running(self._submit(request, turn, index))
        self._changed()

    def stop(self) -> None:
        """Cancel the running job, or else the one that has waited longest."""
        running = self._state.worker.running_job
        answering = (pending for pending in self._pending if running in pending.watch.jobs)
        pending = next(answering, self._pending[0] if self._pending else None)
        if pending is not None:
            pending.watch.cancel()

    # ---- events

    def _submit(self, request: TextRequest, turn: Turn, base: int) -> _PendingAnswers:
        watch = JobWatch(self._state, self, token=self._state.submit([request]))
        return self._follow(_PendingAnswers(watch, turn, base, request.count, request.answer_start))

    def _follow(self, pending: _PendingAnswers) -> _PendingAnswers:
        self._pending.append(pending)
        watch = pending.watch
        watch.enqueued.connect(lambda jobs: self._enqueued(pending, jobs))
        watch.refused.connect(lambda _: self._submission_refused(pending))
        watch.changed.connect(lambda job: self._job_changed(pending, job))
        watch.loading.connect(self._loading)
        watch.progress.connect(self._progress)
        watch.text.connect(lambda event: self._text(pending, event))
        watch.saved.connect(lambda asset: self._saved(pending, asset))
        watch.row_failed.connect(lambda event: self._row_failed(pending, event))
        watch.ended.connect(lambda end: self._ended(pending, end))
        return pending

    def _resume(self, job: Job) -> None:
        """Follow a job from before a restart, or a retried one, if its turn is shown."""
        if job.status not in ("queued", "running"):
            return
        if any(job.id in pending.watch.jobs for pending in self._pending):
            return
        known = job.id
        turn = self.conversation.turn_of(known)
        if turn is None and job.retried_from:
            known = job.retried_from
            turn = self.conversation.turn_of(known)
        if turn is None:
            return
        base = turn.jobs[known]
        turn.jobs[job.id] = base
        for answer in turn.answers[base : base + job.request.count]:
            answer.failed = ""
        count = min(job.request.count, len(turn.answers) - base)
        watch = JobWatch(self._state, self, jobs=[job])
        start = job.request.answer_start if isinstance(job.request, TextRequest) else ""
        self._job_changed(self._follow(_PendingAnswers(watch, turn, base, count, start)), job)

    def _enqueued(self, pending: _PendingAnswers, jobs: Sequence[Job]) -> None:
        job = jobs[0]
        pending.turn.jobs[job.id] = pending.base
        seed = job.request.seed
        if seed is not None:
            for row in range(pending.count):
                pending.turn.answers[pending.base + row].seed = seed + row
            self.seed_used.emit(seed)
        self._view.refresh_soon(pending.turn)
        self._changed()

    def _submission_refused(self, pending: _PendingAnswers) -> None:
        self._pending.remove(pending)
        if pending.answer_start:
            self._show_ended(pending)
        elif pending.base:
            del pending.turn.answers[pending.base :]
            pending.turn.chosen = 0
            self._show_ended(pending)
        else:
            self.remove_from(pending.turn)
            self._update_run_bar()
            self.refused.emit(pending.turn.prompt)

    def _job_changed(self, pending: _PendingAnswers, job: Job) -> None:
        if job.status == "running":
            pending.started = True
            for row in range(pending.count):
                if row not in job.done_rows:
                    answer = pending.turn.answers[pending.base + row]
                    answer.text = pending.answer_start
                    answer.asset = answer.path = answer.failed = ""
                    answer.stopped, answer.reached_limit = True, False
            self._run_bar.set_status(self.tr("Starting…"))
        self._show_running(pending)

    def _loading(self, event: Loading) -> None:
        self._run_bar.set_loading(translated(event.stage), event.fraction)

    def _progress(self, event: Progress) -> None:
        self._run_bar.set_progress(event.step, event.steps, event.seconds_left)
        if event.seconds_left is None:
            self._run_bar.set_status(self.tr("Writing…"))
        else:
            self._run_bar.set_status(
                self.tr("Writing, at most {time} left").format(
                    time=duration_text(event.seconds_left)
                )
            )

    def _text(self, pending: _PendingAnswers, event: TextDelta) -> None:
        index = pending.base + event.row
        if index < len(pending.turn.answers):
            pending.turn.answers[index].text += event.text
            if not self._save_timer.isActive():
                self._save_timer.start(SAVE_WHILE_WRITING_MS)
            self._view.refresh_soon(pending.turn)

    def _saved(self, pending: _PendingAnswers, asset: Asset) -> None:
        answer = pending.turn.answers[pending.base + asset.row]
        answer.text = asset.text or answer.text
        answer.asset = asset.id
        answer.path = str(asset.path)
        answer.stopped = False
        answer.reached_limit = bool(asset.recipe.stats.get("reached_limit"))
        view = self._view.view_of(pending.turn)
        if view is not None:
            view.finished.add(pending.base + asset.row)
        self._view.refresh_soon(pending.turn)

    def _row_failed(self, pending: _PendingAnswers, event: RowFailed) -> None:
        pending.turn.answers[pending.base + event.row].failed = event.problem.message
        self._view.refresh_soon(pending.turn)

    def _ended(self, pending: _PendingAnswers, end: Ended) -> None:
        self._pending.remove(pending)
        if end.problem is not None:
            for answer in pending.answers:
                if not answer.asset and not answer.failed:
                    answer.failed = end.problem.message
            self._run_bar.set_status(self.tr("Failed."))
        elif end.status == "done":
            self._run_bar.set_status(self._summary(end.stats))
        elif end.status == "cancelled":
            self._run_bar.set_status(self.tr("Stopped."))
        self._show_ended(pending)
        self._changed()

    def _show_ended(self, pending: _PendingAnswers) -> None:
        view = self._view.view_of(pending.turn)
        if view is not None and not any(other.turn is pending.turn for other in self._pending):
            view.set_running(False)
        self._update_run_bar()

    def _summary(self, stats: dict[str, float]) -> str:
        parts: list[str] = []
        if "tokens_per_second" in stats:
            parts.append(self.tr("{n} tokens/s").format(n=f"{stats['tokens_per_second']:.1f}"))
        if "time_to_first_token" in stats:
            parts.append(
                self.tr("first token after {time}").format(
                    time=duration_text(stats["time_to_first_token"])
                )
            )
        if "tokens" in stats:
            parts.append(token_count_text(int(stats["tokens"])))
        return " · ".join(parts) or self.tr("Done.")

    def _show_running(self, pending: _PendingAnswers) -> None:
        view = self._view.view_of(pending.turn)
        if view is not None:
            waiting = self.tr("Writing…") if pending.started else self.tr("Waiting in the queue…")
            view.set_running(True, waiting)
        self._update_run_bar()

    def _update_run_bar(self) -> None:
        self._run_bar.set_running(bool(self._pending))
        if self._pending and not any(pending.started for pending in self._pending):
            self._run_bar.set_waiting()

    # ---- saving

    def _changed(self) -> None:
        self._save_timer.start(SAVE_AFTER_MS)
        self.changed.emit()

    def _save_in_background(self) -> None:
        if not self._keeps_file:
            return
        encoded = encode(self.conversation)
        self._state.background.in_order(
            self,
            lambda: save_conversation(self._file, encoded),
            failed=self._state.problem.emit,
        )

    def save_now(self) -> None:
        """Write unsaved changes before the window closes."""
        if not self._save_timer.isActive():
            return
        self._save_timer.stop()
        if not self._keeps_file:
            return
        try:
            save_conversation(self._file, encode(self.conversation))
        except OSError as error:
            self._state.problem.emit(
                Problem(
                    "bad_input",
                    Sentence(
                        "The conversation could not be saved in {path}.",
                        {"path": str(self._file.parent)},
                    ),
                    str(error),
                )
            )
