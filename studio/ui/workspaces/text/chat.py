"""Sends prompts and streams the answers into their conversations."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import cast

import msgspec
from PySide6.QtCore import QObject, Signal

from studio.kinds.text import TextRequest
from studio.library.records import Asset, Job
from studio.protocol import Loading, Message, Progress, RowFailed, TextDelta
from studio.ui.shell.job_watch import Ended, JobWatch
from studio.ui.shell.state import AppState
from studio.ui.shell.typed_signal import TypedSignal
from studio.ui.style.translations import translated
from studio.ui.widgets.run_bar import RunBar
from studio.ui.widgets.times import duration_text
from studio.ui.workspaces.text.conversation import Answer, Conversation, Turn
from studio.ui.workspaces.text.conversation_keeper import ConversationKeeper
from studio.ui.workspaces.text.conversation_view import ConversationView
from studio.ui.workspaces.text.pending_answers import (
    PendingAnswers,
    fill_in,
    remove_answers,
    summary,
    unfinished_jobs,
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
        self.keeper = ConversationKeeper(state, self)
        self._pending: list[PendingAnswers] = []
        self.conversation = view.conversation
        state.reports.job_changed.connect(self._resume)
        state.library_opened.connect(lambda: self._catch_up(self.conversation))
        view.chosen.connect(lambda _: self._changed(self.conversation))
        view.built.connect(self._show_if_running)

    # ---- the conversation

    def load(self, *, open_last: bool) -> None:
        """List the conversations and show the last one, unless a new one was started."""
        self.keeper.start(self._loaded, open_last=open_last)

    def _loaded(self, conversation: Conversation) -> None:
        if self.conversation.turns:
            self.keeper.release(conversation)
            return
        self._display(conversation)

    def open(self, id: str) -> None:
        """Show a conversation of the list."""
        if id != self.conversation.id:
            self.keeper.open(id, self._display)

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
            if previous.id:
                self.open(previous.id)
            else:
                self._show(previous)
            restored()

        if previous.turns and note:
            self._state.show_message(note, "info", self.tr("Restore the previous one"), restore)

    def _show(self, conversation: Conversation) -> None:
        """Show a conversation without a file; it gets one when something is added to it."""
        conversation.number()
        self._display(conversation)

    def _display(self, conversation: Conversation) -> None:
        previous = self.conversation
        self.conversation = conversation
        self._view.show_conversation(conversation)
        for pending in self._pending:
            self._show_running(pending)
        self._release(previous)
        self._catch_up(conversation)
        self.changed.emit()

    def _catch_up(self, conversation: Conversation) -> None:
        """Fill in what was written while the conversation was not open; follow its jobs."""
        library = self._state.library
        if library is None:
            return
        followed = {job for pending in self._pending for job in pending.watch.jobs}
        jobs = [job for job in unfinished_jobs(conversation) if job not in followed]
        if not jobs:
            return

        def read() -> list[tuple[Job, Sequence[Asset]]]:
            found = ((library.queue.get(id), library.assets.of_job(id)) for id in jobs)
            return [(job, assets) for job, assets in found if job is not None]

        def show(found: list[tuple[Job, Sequence[Asset]]]) -> None:
            if conversation is not self.conversation:
                return
            for job, assets in found:
                turn = conversation.turn_of(job.id)
                if turn is None:
                    continue
                changed = [fill_in(turn, turn.jobs[job.id] + asset.row, asset) for asset in assets]
                if any(changed):
                    self._view.refresh_soon(turn)
                    self.keeper.save_soon(conversation)
                self._resume(job)

        self._state.background.read(self, read, show, self._state.problem.emit)

    def rename(self, conversation: Conversation, title: str) -> None:
        """Give a conversation a title."""
        conversation.title = title
        self._changed(conversation)

    def _release(self, conversation: Conversation) -> None:
        """Forget a conversation that is neither shown nor being written."""
        written = any(pending.conversation is conversation for pending in self._pending)
        if conversation is not self.conversation and not written:
            self.keeper.release(conversation)

    def show_version(self, version: Turn) -> None:
        """Show another version of a message, with what followed it."""
        self.conversation.show_version(version)
        self._view.show_conversation(self.conversation)
        for pending in self._pending:
            self._show_running(pending)
        self._changed(self.conversation)

    def branch(self, turn: Turn, note: str) -> None:
        """Go on from a turn in a new conversation."""
        index = self.index_of(turn)
        if index is not None:
            self.replace(self.conversation.copy_until(index), note)
            self._changed(self.conversation)

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

    def set_aside(self, turn: Turn) -> None:
        """Leave a turn and those after it, which stay as a version of what follows."""
        index = self.index_of(turn)
        if index is not None:
            self.conversation.set_aside(index)
            self._view.drop_removed()
            self._changed(self.conversation)

    # ---- sending

    def send(self, prompt: str, request: TextRequest, form: Mapping[str, str] = {}) -> None:
        """Add a turn and submit the request for its answers; `form` has their labels, if any."""
        turns = self.conversation.turns
        answers = [Answer() for _ in range(request.count)]
        turn = Turn(prompt=prompt, answers=answers, form=dict(form))
        turn.unanswered = bool(turns) and any(other is turns[-1] for other in self._being_written())
        self.conversation.add(turn)
        pending = self._submit(request, turn, 0)
        self._view.add_turn(turn)
        self._show_running(pending)
        self._changed(self.conversation)

    def regenerate(self, turn: Turn, request: TextRequest) -> None:
        """Generate one more answer to a turn, with a random seed."""
        index = self.index_of(turn)
        if index is None:
            return
        messages = self._messages_before(turn, index, request)
        request = msgspec.structs.replace(request, count=1, seed=None, messages=messages)
        self.add_answer(turn, request, turn.form)

    def add_answer(self, turn: Turn, request: TextRequest, labels: Mapping[str, str]) -> None:
        """Generate one more answer to a turn with a request of its own."""
        base = len(turn.answers)
        turn.answers.append(Answer())
        turn.chosen = base
        self._show_running(self._submit(request, turn, base, labels))
        self._changed(self.conversation)

    def _messages_before(self, turn: Turn, index: int, request: TextRequest) -> tuple[Message, ...]:
        """Return the earlier turns of a request; a form has its own examples there."""
        return request.messages if turn.form else self.messages(index)

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
            messages=self._messages_before(turn, place, request),
            answer_start=start,
        )
        for job, base in turn.jobs.items():
            if base == index and answer.stopped:
                # Resuming it would write the same answer again from its start.
                self._state.cancel(job)
        turn.chosen = index
        self._show_running(self._submit(request, turn, index))
        self._changed(self.conversation)

    def request_from(self, turn: Turn, start: str, request: TextRequest) -> TextRequest | None:
        """Return the request for an answer to a turn that begins with `start`."""
        place = self.index_of(turn)
        if place is None:
            return None
        return msgspec.structs.replace(
            request,
            count=1,
            seed=None,
            messages=self._messages_before(turn, place, request),
            answer_start=start,
        )

    def branch_answer(self, turn: Turn, index: int, start: str, request: TextRequest) -> None:
        """Generate one more answer to a turn, which goes on from `start`, with the same seed."""
        branch = self.request_from(turn, start, request)
        if branch is None:
            return
        branch = msgspec.structs.replace(branch, seed=turn.answers[index].seed)
        base = len(turn.answers)
        turn.answers.append(Answer(text=start))
        turn.chosen = base
        self._show_running(self._submit(branch, turn, base))
        self._changed(self.conversation)

    def stop(self) -> None:
        """Cancel the running job, or else the one that has waited longest."""
        running = self._state.worker.running_job
        answering = (pending for pending in self._pending if running in pending.watch.jobs)
        pending = next(answering, self._pending[0] if self._pending else None)
        if pending is not None:
            pending.watch.cancel()

    # ---- events

    def _submit(
        self, request: TextRequest, turn: Turn, base: int, labels: Mapping[str, str] = {}
    ) -> PendingAnswers:
        token = self._state.submit([request], labels=[labels or turn.form])
        watch = JobWatch(self._state, self, token=token)
        return self._follow(
            PendingAnswers(
                watch, self.conversation, turn, base, request.count, request.answer_start
            )
        )

    def _follow(self, pending: PendingAnswers) -> PendingAnswers:
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
        conversation = self.conversation
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
        pending = PendingAnswers(watch, conversation, turn, base, count, start)
        self._job_changed(self._follow(pending), job)

    def _enqueued(self, pending: PendingAnswers, jobs: Sequence[Job]) -> None:
        job = jobs[0]
        pending.turn.jobs[job.id] = pending.base
        seed = job.request.seed
        if seed is not None:
            for row in range(pending.count):
                pending.turn.answers[pending.base + row].seed = seed + row
            self.seed_used.emit(seed)
        self._view.refresh_soon(pending.turn)
        self._changed(pending.conversation)

    def _submission_refused(self, pending: PendingAnswers) -> None:
        self._pending.remove(pending)
        if pending.answer_start:
            self._show_ended(pending)
        elif pending.base:
            remove_answers(pending, self._pending)
            self._show_ended(pending)
        else:
            pending.conversation.discard(pending.turn)
            self._view.show_conversation(self.conversation)
            self._changed(pending.conversation)
            self._update_run_bar()
            self.refused.emit(pending.turn.prompt)

    def _job_changed(self, pending: PendingAnswers, job: Job) -> None:
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

    def _text(self, pending: PendingAnswers, event: TextDelta) -> None:
        index = pending.base + event.row
        if index < len(pending.turn.answers):
            pending.turn.answers[index].text += event.text
            self.keeper.save_soon(pending.conversation, is_writing=True)
            self._view.refresh_soon(pending.turn)

    def _saved(self, pending: PendingAnswers, asset: Asset) -> None:
        fill_in(pending.turn, pending.base + asset.row, asset)
        view = self._view.view_of(pending.turn)
        if view is not None:
            view.finished.add(pending.base + asset.row)
        self._view.refresh_soon(pending.turn)

    def _row_failed(self, pending: PendingAnswers, event: RowFailed) -> None:
        pending.turn.answers[pending.base + event.row].failed = event.problem.message
        self._view.refresh_soon(pending.turn)

    def _ended(self, pending: PendingAnswers, end: Ended) -> None:
        self._pending.remove(pending)
        if end.problem is not None:
            for answer in pending.answers:
                if not answer.asset and not answer.failed:
                    answer.failed = end.problem.message
            self._run_bar.set_status(self.tr("Failed."))
        elif end.status == "done":
            self._run_bar.set_status(summary(end.stats))
        elif end.status == "cancelled":
            self._run_bar.set_status(self.tr("Stopped."))
        self._show_ended(pending)
        self._changed(pending.conversation)
        self._release(pending.conversation)

    def _show_ended(self, pending: PendingAnswers) -> None:
        view = self._view.view_of(pending.turn)
        if view is not None and not any(other.turn is pending.turn for other in self._pending):
            view.set_running(False)
        self._update_run_bar()

    def _show_running(self, pending: PendingAnswers) -> None:
        view = self._view.view_of(pending.turn)
        if view is not None:
            waiting = self.tr("Writing…") if pending.started else self.tr("Waiting in the queue…")
            view.set_running(True, waiting)
        self._update_run_bar()

    def _show_if_running(self, turn: Turn) -> None:
        for pending in self._pending:
            if pending.turn is turn:
                self._show_running(pending)

    def _update_run_bar(self) -> None:
        self._run_bar.set_running(bool(self._pending))
        if self._pending and not any(pending.started for pending in self._pending):
            self._run_bar.set_waiting()

    # ---- saving

    def _changed(self, conversation: Conversation) -> None:
        self.keeper.save_soon(conversation)
        self.changed.emit()

    def save_now(self) -> None:
        """Write unsaved changes before the window closes."""
        self.keeper.save_now()
