"""What becomes of a prompt: sent, answered row by row, kept. No widgets of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import msgspec
from PySide6.QtCore import QObject, QTimer, Signal

from studio.kinds.text import TextRequest
from studio.library.records import Asset, Job
from studio.protocol import Loading, Problem, Progress, RowFailed, Sentence, TextDelta
from studio.ui.shell.job_watch import Ended, JobWatch
from studio.ui.shell.state import AppState
from studio.ui.shell.typed_signal import Carries
from studio.ui.style.translations import translated
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

    def __init__(self, watch: JobWatch, turn: Turn, base: int, count: int) -> None:
        self.watch = watch
        self.turn = turn
        self.base = base
        self.count = count
        self.started = False


class Chat(QObject):
    """Keeps the conversation and its view in step with the worker's reports."""

    changed = Signal()
    # A signal's int ends at 2³¹−1; seeds reach 2³²−1.
    seed_used = cast("Carries[int]", Signal(object))
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
        self._sent: list[_Sent] = []
        self._save_timer = QTimer(self)
        self._save_timer.setSingleShot(True)
        self._save_timer.setInterval(SAVE_AFTER_MS)
        self._save_timer.timeout.connect(self._save_behind)
        self.conversation = Conversation()
        state.reports.job_changed.connect(self._resume)
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
        for sent in self._sent:
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
        turn.unanswered = bool(turns) and any(sent.turn is turns[-1] for sent in self._sent)
        turns.append(turn)
        sent = self._submit(request, turn, 0)
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
        self._show_running(self._submit(request, turn, base))
        self._changed()

    def stop(self) -> None:
        """Cancel the job that is answering, or else the one that waits longest."""
        running = self._state.worker.running_job
        answering = (sent for sent in self._sent if running in sent.watch.jobs)
        sent = next(answering, self._sent[0] if self._sent else None)
        if sent is not None:
            sent.watch.cancel()

    # ---- reports

    def _submit(self, request: TextRequest, turn: Turn, base: int) -> _Sent:
        watch = JobWatch(self._state, self, token=self._state.submit([request]))
        return self._follow(_Sent(watch, turn, base, request.count))

    def _follow(self, sent: _Sent) -> _Sent:
        self._sent.append(sent)
        watch = sent.watch
        watch.enqueued.connect(lambda jobs: self._enqueued(sent, jobs))
        watch.refused.connect(lambda _: self._refused(sent))
        watch.changed.connect(lambda job: self._job_changed(sent, job))
        watch.loading.connect(self._loading)
        watch.progress.connect(self._progress)
        watch.text.connect(lambda event: self._text(sent, event))
        watch.saved.connect(lambda asset: self._saved(sent, asset))
        watch.row_failed.connect(lambda event: self._row_failed(sent, event))
        watch.ended.connect(lambda end: self._ended(sent, end))
        return sent

    def _resume(self, job: Job) -> None:
        """Follow a job from before the restart, or one tried again, if its turn is on show."""
        if job.status not in ("queued", "running"):
            return
        if any(job.id in sent.watch.jobs for sent in self._sent):
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
        self._job_changed(self._follow(_Sent(watch, turn, base, count)), job)

    def _enqueued(self, sent: _Sent, jobs: Sequence[Job]) -> None:
        job = jobs[0]
        sent.turn.jobs[job.id] = sent.base
        seed = job.request.seed
        if seed is not None:
            for row in range(sent.count):
                sent.turn.answers[sent.base + row].seed = seed + row
            self.seed_used.emit(seed)
        self._view.touch(sent.turn)
        self._changed()

    def _refused(self, sent: _Sent) -> None:
        self._sent.remove(sent)
        if sent.base:
            del sent.turn.answers[sent.base :]
            sent.turn.chosen = 0
            self._finished(sent)
        else:
            self.truncate(sent.turn)
            self._show_bar()
            self.refused.emit(sent.turn.prompt)

    def _job_changed(self, sent: _Sent, job: Job) -> None:
        if job.status == "running":
            sent.started = True
            for row in range(sent.count):
                if row not in job.done_rows:
                    sent.turn.answers[sent.base + row].text = ""
            self._bar.set_status(self.tr("Starting…"))
        self._show_running(sent)

    def _loading(self, event: Loading) -> None:
        self._bar.set_loading(translated(event.stage), event.fraction)

    def _progress(self, event: Progress) -> None:
        self._bar.set_progress(event.step, event.steps, event.seconds_left)
        if event.seconds_left is None:
            self._bar.set_status(self.tr("Writing…"))
        else:
            self._bar.set_status(
                self.tr("Writing, at most {time} left").format(
                    time=seconds_text(event.seconds_left)
                )
            )

    def _text(self, sent: _Sent, event: TextDelta) -> None:
        place = sent.base + event.row
        if place < len(sent.turn.answers):
            sent.turn.answers[place].text += event.text
            self._view.touch(sent.turn)

    def _saved(self, sent: _Sent, asset: Asset) -> None:
        answer = sent.turn.answers[sent.base + asset.row]
        answer.text = asset.text or answer.text
        answer.asset = asset.id
        answer.path = str(asset.path)
        view = self._view.view_of(sent.turn)
        if view is not None:
            view.finished.add(sent.base + asset.row)
        self._view.touch(sent.turn)

    def _row_failed(self, sent: _Sent, event: RowFailed) -> None:
        sent.turn.answers[sent.base + event.row].failed = event.problem.message
        self._view.touch(sent.turn)

    def _ended(self, sent: _Sent, end: Ended) -> None:
        self._sent.remove(sent)
        if end.problem is not None:
            for answer in sent.turn.answers[sent.base : sent.base + sent.count]:
                if not answer.text and not answer.failed:
                    answer.failed = end.problem.message
            self._bar.set_status(self.tr("Failed."))
        elif end.status == "done":
            self._bar.set_status(self._summary(end.stats))
        elif end.status == "cancelled":
            self._bar.set_status(self.tr("Stopped."))
        self._finished(sent)
        self._changed()

    def _finished(self, sent: _Sent) -> None:
        view = self._view.view_of(sent.turn)
        if view is not None and not any(other.turn is sent.turn for other in self._sent):
            view.set_running(False)
        self._show_bar()

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
        self._bar.set_running(bool(self._sent))

    # ---- keeping

    def _chosen(self, _turn: Turn) -> None:
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
