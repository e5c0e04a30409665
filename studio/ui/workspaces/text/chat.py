"""What becomes of a prompt: sent, answered row by row, kept. No widgets of its own."""

from __future__ import annotations

import msgspec
from PySide6.QtCore import QObject, QTimer, Signal

from studio.kinds.text import TextRequest
from studio.library.records import Job
from studio.protocol import Done, Loading, Problem, Progress, RowFailed, Sentence, TextDelta
from studio.ui.shell.state import AppState
from studio.ui.shell.theme import say
from studio.ui.shell.worker_thread import Enqueued, EnqueueFailed
from studio.ui.widgets.run_bar import RunBar
from studio.ui.widgets.times import seconds_text
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


class _Sent:
    """A prompt on its way: which turn it answers, from which answer on."""

    def __init__(self, turn: Turn, base: int, count: int) -> None:
        self.turn = turn
        self.base = base
        self.count = count
        self.job: Job | None = None
        self.started = False
        self.unwanted = False


class Chat(QObject):
    """Keeps the conversation and its view in step with the worker's reports."""

    changed = Signal()
    # A signal's int ends at 2³¹−1; seeds reach 2³²−1.
    seed_used = Signal(object)
    refused = Signal(str)
    """The prompt of a turn that could not be stored; the turn is gone again."""

    def __init__(
        self, state: AppState, view: ConversationView, run_bar: RunBar, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._state = state
        self._view = view
        self._bar = run_bar
        self._file = state.paths.settings.with_name("conversation.json")
        self._waiting: dict[str, _Sent] = {}
        self._active: dict[str, _Sent] = {}
        self._save_timer = QTimer(self)
        self._save_timer.setSingleShot(True)
        self._save_timer.setInterval(SAVE_AFTER_MS)
        self._save_timer.timeout.connect(self._save_behind)
        self.conversation = Conversation()
        state.reported.connect(self._hear)
        view.chosen.connect(self._chosen)

    # ---- the conversation

    def load(self) -> None:
        """Read the last conversation on another thread; it is shown unless one has begun."""
        self._state.background.read(
            self, lambda: load_conversation(self._file), self._loaded, self._state.problem.emit
        )

    def _loaded(self, found: tuple[Conversation, Problem | None]) -> None:
        conversation, problem = found
        if problem is not None:
            self._state.problem.emit(problem)
        if conversation.turns and not self.conversation.turns:
            self.conversation = conversation
            self._view.show_conversation(conversation)
            self.changed.emit()

    def replace(self, conversation: Conversation, note: str) -> None:
        """Show another conversation; the one before can be brought back from the message bar."""
        before = self.conversation
        self._show(conversation)
        if before.turns:
            self._state.show_message(
                note, "info", self.tr("Back to the one before"), lambda: self._show(before)
            )

    def _show(self, conversation: Conversation) -> None:
        self.conversation = conversation
        self._view.show_conversation(conversation)
        for sent in (*self._waiting.values(), *self._active.values()):
            self._show_running(sent)
        self._changed()

    def place_of(self, turn: Turn) -> int | None:
        """Return the index of a turn of this conversation."""
        for index, other in enumerate(self.conversation.turns):
            if other is turn:
                return index
        return None

    def truncate(self, turn: Turn) -> None:
        """Forget a turn and what follows it. Its answers stay in the library."""
        index = self.place_of(turn)
        if index is not None:
            del self.conversation.turns[index:]
            self._view.drop_from(index)
            self._changed()

    # ---- sending

    def send(self, prompt: str, request: TextRequest) -> None:
        """Add a turn and ask for its answers."""
        turns = self.conversation.turns
        turn = Turn(prompt=prompt, answers=[Answer() for _ in range(request.count)])
        turn.unanswered = bool(turns) and any(sent.turn is turns[-1] for sent in self._sent())
        turns.append(turn)
        sent = _Sent(turn, 0, request.count)
        self._waiting[self._state.submit([request])] = sent
        self._view.add_turn(turn)
        self._show_running(sent)
        self._changed()

    def ask_again(self, turn: Turn, request: TextRequest) -> None:
        """Ask for one more answer to the last turn, with a new random seed."""
        index = self.place_of(turn)
        if index is None:
            return
        request = msgspec.structs.replace(
            request, count=1, seed=None, messages=self.conversation.messages(index)
        )
        base = len(turn.answers)
        turn.answers.append(Answer())
        turn.chosen = base
        sent = _Sent(turn, base, 1)
        self._waiting[self._state.submit([request])] = sent
        self._show_running(sent)
        self._changed()

    def stop(self) -> None:
        """Cancel the job that is answering, or else the one that waits longest."""
        running = self._state.worker.running_job
        if running in self._active:
            self._state.cancel(running)
        elif self._active:
            self._state.cancel(next(iter(self._active)))
        elif self._waiting:
            next(iter(self._waiting.values())).unwanted = True

    def _sent(self) -> list[_Sent]:
        return [*self._waiting.values(), *self._active.values()]

    # ---- reports

    def _hear(self, report: object) -> None:
        from studio.jobs.runner import AssetSaved, JobChanged

        if isinstance(report, Enqueued):
            self._enqueued(report)
        elif isinstance(report, EnqueueFailed):
            self._refused(report)
        elif isinstance(report, JobChanged):
            self._job_changed(report.job)
        elif (sent := self._active.get(getattr(report, "job", ""))) is None:
            return
        elif isinstance(report, TextDelta):
            self._text(sent, report)
        elif isinstance(report, Loading):
            self._bar.set_loading(say(report.stage), report.fraction)
        elif isinstance(report, Progress):
            self._progress(report)
        elif isinstance(report, AssetSaved):
            answer = sent.turn.answers[sent.base + report.row]
            answer.text = report.asset.text or answer.text
            answer.asset = report.asset.id
            answer.path = str(report.asset.path)
            view = self._view.view_of(sent.turn)
            if view is not None:
                view.finished.add(sent.base + report.row)
            self._view.touch(sent.turn)
        elif isinstance(report, RowFailed):
            sent.turn.answers[sent.base + report.row].failed = report.problem.message
            self._view.touch(sent.turn)
        elif isinstance(report, Done):
            self._bar.set_status(self._summary(report.stats))

    def _enqueued(self, report: Enqueued) -> None:
        sent = self._waiting.pop(report.token, None)
        if sent is None:
            return
        job = report.jobs[0]
        sent.job = job
        self._active[job.id] = sent
        sent.turn.jobs[job.id] = sent.base
        seed = job.request.seed
        if seed is not None:
            for row in range(sent.count):
                sent.turn.answers[sent.base + row].seed = seed + row
            self.seed_used.emit(seed)
        if sent.unwanted:
            self._state.cancel(job.id)
        self._view.touch(sent.turn)
        self._changed()

    def _refused(self, report: EnqueueFailed) -> None:
        sent = self._waiting.pop(report.token, None)
        if sent is None:
            return
        if sent.base:
            del sent.turn.answers[sent.base :]
            sent.turn.chosen = 0
            self._finished(sent)
        else:
            self.truncate(sent.turn)
            self._show_bar()
            self.refused.emit(sent.turn.prompt)

    def _job_changed(self, job: Job) -> None:
        sent = self._active.get(job.id) or self._resumed(job)
        if sent is None:
            return
        if job.status == "queued":
            self._show_running(sent)
        elif job.status == "running":
            sent.started = True
            for row in range(sent.count):
                if row not in job.done_rows:
                    sent.turn.answers[sent.base + row].text = ""
            self._bar.set_status(self.tr("Starting…"))
            self._show_running(sent)
        else:
            del self._active[job.id]
            self._ended(sent, job)

    def _resumed(self, job: Job) -> _Sent | None:
        """A job from before the restart, or one tried again, whose turn is in the conversation."""
        known = job.id
        turn = self.conversation.turn_of(known)
        if turn is None and job.retried_from:
            known = job.retried_from
            turn = self.conversation.turn_of(known)
        if turn is None or job.status not in ("queued", "running"):
            return None
        base = turn.jobs[known]
        turn.jobs[job.id] = base
        for answer in turn.answers[base : base + job.request.count]:
            answer.failed = ""
        sent = _Sent(turn, base, min(job.request.count, len(turn.answers) - base))
        self._active[job.id] = sent
        return sent

    def _ended(self, sent: _Sent, job: Job) -> None:
        if job.status == "failed" and job.problem is not None:
            for answer in sent.turn.answers[sent.base : sent.base + sent.count]:
                if not answer.text and not answer.failed:
                    answer.failed = job.problem.message
            self._bar.set_status(self.tr("Failed."))
        elif job.status == "cancelled":
            self._bar.set_status(self.tr("Stopped."))
        self._finished(sent)
        self._changed()

    def _finished(self, sent: _Sent) -> None:
        view = self._view.view_of(sent.turn)
        if view is not None and not any(other.turn is sent.turn for other in self._sent()):
            view.set_running(False)
        self._show_bar()

    def _text(self, sent: _Sent, report: TextDelta) -> None:
        place = sent.base + report.row
        if place < len(sent.turn.answers):
            sent.turn.answers[place].text += report.text
            self._view.touch(sent.turn)

    def _progress(self, report: Progress) -> None:
        self._bar.set_progress(report.step, report.steps, report.seconds_left)
        if report.seconds_left is None:
            self._bar.set_status(self.tr("Writing…"))
        else:
            self._bar.set_status(
                self.tr("Writing, at most {time} left").format(
                    time=seconds_text(report.seconds_left)
                )
            )

    def _summary(self, stats: dict[str, float]) -> str:
        parts: list[str] = []
        if "tokens_per_second" in stats:
            parts.append(self.tr("{n} tokens/s").format(n=f"{stats['tokens_per_second']:.1f}"))
        if "time_to_first_token" in stats:
            parts.append(
                self.tr("first token after {time}").format(
                    time=seconds_text(stats["time_to_first_token"])
                )
            )
        if "tokens" in stats:
            parts.append(self.tr("tokens: {n}").format(n=f"{int(stats['tokens']):,}"))
        return " · ".join(parts) or self.tr("Done.")

    def _show_running(self, sent: _Sent) -> None:
        view = self._view.view_of(sent.turn)
        if view is not None:
            waiting = self.tr("Writing…") if sent.started else self.tr("Waiting for its turn…")
            view.set_running(True, waiting)
        self._show_bar()

    def _show_bar(self) -> None:
        self._bar.set_running(bool(self._sent()))

    # ---- keeping

    def _chosen(self, _turn: object) -> None:
        self._changed()

    def _changed(self) -> None:
        self._save_timer.start()
        self.changed.emit()

    def _save_behind(self) -> None:
        encoded = encode(self.conversation)
        self._state.background.in_order(
            self,
            lambda: save_conversation(self._file, encoded),
            failed=self._state.problem.emit,
        )

    def save_now(self) -> None:
        """Write the conversation before the window goes."""
        if not self._save_timer.isActive():
            return
        self._save_timer.stop()
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
