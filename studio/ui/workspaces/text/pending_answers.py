"""The answers that a job is to write, and what is said of a job that has ended."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from studio.ui.shell.job_watch import JobWatch
from studio.ui.style.translations import tr
from studio.ui.widgets.times import duration_text
from studio.ui.workspaces.text.context_meter import token_count_text
from studio.ui.workspaces.text.conversation import Answer, Conversation, Turn

if TYPE_CHECKING:
    from studio.library.records import Asset

_MOST_JOBS = 100
"""Jobs of a conversation that are looked for in the library."""


class PendingAnswers:
    """The answers that a job generates: `count` answers of a turn, from index `base` on."""

    def __init__(
        self,
        watch: JobWatch,
        conversation: Conversation,
        turn: Turn,
        base: int,
        count: int,
        answer_start: str = "",
    ) -> None:
        self.watch = watch
        self.conversation = conversation
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


def remove_answers(removed: PendingAnswers, others: Iterable[PendingAnswers]) -> None:
    """Remove the answers of a job from its turn; those of later jobs move up."""
    turn, end = removed.turn, removed.base + removed.count
    del turn.answers[removed.base : end]
    turn.chosen = 0
    turn.jobs = {
        job: base - removed.count if base >= end else base for job, base in turn.jobs.items()
    }
    for pending in others:
        if pending.turn is turn and pending.base >= end:
            pending.base -= removed.count


def fill_in(turn: Turn, index: int, asset: Asset) -> bool:
    """Show a result as the answer with this index. Return whether that is a change."""
    if not 0 <= index < len(turn.answers) or turn.answers[index].asset == asset.id:
        return False
    answer = turn.answers[index]
    answer.text = asset.text or answer.text
    answer.asset = asset.id
    answer.path = str(asset.path)
    answer.stopped = False
    answer.reached_limit = bool(asset.recipe.stats.get("reached_limit"))
    return True


def unfinished_jobs(conversation: Conversation) -> list[str]:
    """Return the jobs of a conversation with an answer that is not a result yet, the last first."""
    found = []
    for turn in (*conversation.turns, *conversation.others):
        found += [
            job
            for job, base in turn.jobs.items()
            if any(not answer.asset for answer in turn.answers[base:])
        ]
    return found[: -_MOST_JOBS - 1 : -1]


def summary(stats: dict[str, float]) -> str:
    """Return what the engine measured, as a line of status."""
    parts: list[str] = []
    if "tokens_per_second" in stats:
        parts.append(tr("{n} tokens/s").format(n=f"{stats['tokens_per_second']:.1f}"))
    if "time_to_first_token" in stats:
        parts.append(
            tr("first token after {time}").format(time=duration_text(stats["time_to_first_token"]))
        )
    if "tokens" in stats:
        parts.append(token_count_text(int(stats["tokens"])))
    return " · ".join(parts) or tr("Done.")
