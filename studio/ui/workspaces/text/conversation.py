"""The conversation as data: prompts, all their versions and answers, and the chosen ones.

Each answer is also an asset in the library; see `conversation_files` for where conversations are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from studio.formats.chat.thoughts import without_thoughts
from studio.protocol import Message, Sentence
from studio.ui.widgets.shortened import shortened


class Answer(Struct):
    """One variation, with its own `seed`.

    `asset` is the id and `path` the file of a saved answer. `failed` is the error message; files
    of older versions have it as translated text. `stopped` says that it was not written to its
    end, and `reached_limit` that it ended at the maximum length.
    """

    text: str = ""
    seed: int | None = None
    asset: str = ""
    path: str = ""
    failed: Sentence | str = ""
    stopped: bool = False
    reached_limit: bool = False


class Turn(Struct):
    """One prompt and its answers. `chosen` is the index of the one the conversation continues with.

    `jobs` maps a job's id to the index of the answer of its row 0 (regenerating appends answers).
    `unanswered`: the chosen answer of the previous turn was not finished when this one was sent.
    `parent` is the id of the turn before, 0 for the first: turns with the same parent are versions
    of each other. `last` is the id of the turn that was last shown after this one. `form` has the
    labels of the results if a form made the prompt.
    """

    prompt: str
    answers: list[Answer] = msgspec.field(default_factory=list)
    chosen: Annotated[int, Meta(ge=0)] = 0
    jobs: dict[str, int] = msgspec.field(default_factory=dict)
    unanswered: bool = False
    id: int = 0
    parent: int = 0
    last: int = 0
    form: dict[str, str] = msgspec.field(default_factory=dict)

    def __post_init__(self) -> None:
        # A damaged file may name answers that do not exist.
        answers = range(len(self.answers))
        self.jobs = {job: base for job, base in self.jobs.items() if base in answers}

    def shown_text(self, index: int) -> str:
        """Return an answer as it is shown: without thoughts, that of a form's schema readable."""
        text = without_thoughts(self.answers[index].text)
        if not self.form:
            return text
        from studio.writing.forms.readable import readable

        return readable(text)

    def chosen_text(self) -> str:
        """Return the text of the chosen answer, empty if there is none."""
        return self.answers[self.chosen].text if self.chosen < len(self.answers) else ""


_TITLE = 60
"""Characters of a title made from a prompt."""

MAX_TITLE = 200


class Conversation(Struct):
    """A tree of turns: `turns` are those shown, in order, and `others` the rest of it.

    `id` is the name of its file, empty until it has one. `title` is the user's, `used` the time of
    the last change in seconds since 1970.
    """

    turns: list[Turn] = msgspec.field(default_factory=list)
    others: list[Turn] = msgspec.field(default_factory=list)
    id: str = ""
    title: str = ""
    used: float = 0.0

    def number(self) -> None:
        """Give ids to turns without one, or with that of another, and let `turns` be a path."""
        taken: set[int] = set()
        largest = self._largest_id()
        for turn in (*self.turns, *self.others):
            if turn.id < 1 or turn.id in taken:
                largest = turn.id = max(0, largest) + 1
            taken.add(turn.id)
        if not self.turns and self.others:
            roots = self._following(0) or self.others
            self._show_from(roots[-1])
        before = 0
        for turn in self.turns:
            turn.parent, before = before, turn.id

    def _largest_id(self) -> int:
        return max((turn.id for turn in (*self.turns, *self.others)), default=0)

    def add(self, turn: Turn) -> None:
        """Append a turn after those shown."""
        turn.id = self._largest_id() + 1
        turn.parent = self.turns[-1].id if self.turns else 0
        self.turns.append(turn)

    def set_aside(self, index: int) -> None:
        """Show only the turns before `index`. The others stay, as versions of what follows."""
        for turn, following in zip(self.turns, self.turns[1:], strict=False):
            turn.last = following.id
        self.others += self.turns[index:]
        del self.turns[index:]

    def discard(self, turn: Turn) -> None:
        """Remove a turn that was not sent, with those after it; show an earlier version again."""
        self.set_aside(next(n for n, other in enumerate(self.turns) if other is turn))
        self.others = [other for other in self.others if other is not turn]
        versions = self._following(self.turns[-1].id if self.turns else 0)
        if versions:
            self._show_from(versions[-1])

    def versions_by_parent(self) -> dict[int, list[Turn]]:
        """Return the versions of each message, the oldest first, by the id of the turn before."""
        found: dict[int, list[Turn]] = {}
        for turn in sorted((*self.turns, *self.others), key=lambda turn: turn.id):
            found.setdefault(turn.parent, []).append(turn)
        return found

    def show_version(self, version: Turn) -> None:
        """Show another version of a turn that is shown, with the turns that followed it."""
        for index, turn in enumerate(self.turns):
            if turn.parent == version.parent:
                self.set_aside(index)
                self._show_from(version)
                return

    def _following(self, parent: int) -> list[Turn]:
        found = [turn for turn in (*self.turns, *self.others) if turn.parent == parent]
        return sorted(found, key=lambda turn: turn.id)

    def _show_from(self, turn: Turn) -> None:
        """Append a turn of `others`, and at each step the one that was last shown after it."""
        children: dict[int, list[Turn]] = {}
        for other in self.others:
            children.setdefault(other.parent, []).append(other)
        path: list[Turn] = []
        shown: set[int] = set()
        following: Turn | None = turn
        # A damaged file may have circles.
        while following is not None and id(following) not in shown:
            path.append(following)
            shown.add(id(following))
            known = sorted(children.get(following.id, ()), key=lambda each: each.id)
            last = following.last
            following = next((each for each in known if each.id == last), None) or (
                known[-1] if known else None
            )
        self.turns += path
        self.others = [each for each in self.others if id(each) not in shown]

    def copy_until(self, index: int) -> Conversation:
        """Return a new conversation with copies of the turns up to and including `index`."""
        copied = msgspec.json.decode(msgspec.json.encode(self.turns[: index + 1]), type=list[Turn])
        for turn in copied:
            turn.jobs = {}
        conversation = Conversation(copied)
        conversation.number()
        return conversation

    def shown_title(self) -> str:
        """Return the title, or else the first words, empty if there are none."""
        if self.title:
            return shortened(" ".join(self.title[: 4 * MAX_TITLE].split()), MAX_TITLE)
        for turn in self.turns:
            words = turn.prompt[: 4 * _TITLE].split()
            if words:
                return shortened(" ".join(words), _TITLE)
        return ""

    def messages(
        self, before: int | None = None, left_out: Sequence[Turn] = ()
    ) -> tuple[Message, ...]:
        """Return the answered turns (before index `before`) as chat messages, without thoughts."""
        found: list[Message] = []
        for turn in self.turns[:before]:
            if any(turn is other for other in left_out):
                continue
            answer = without_thoughts(turn.chosen_text())
            if answer:
                found.append(Message("user", turn.prompt))
                found.append(Message("assistant", answer))
        return tuple(found)

    def turn_of(self, job: str) -> Turn | None:
        """Return the turn that a job answers."""
        return next((turn for turn in (*self.turns, *self.others) if job in turn.jobs), None)


def from_messages(
    messages: tuple[Message, ...], prompt: str, answer: Answer, labels: Mapping[str, str] = {}
) -> Conversation:
    """Return the conversation recorded in a recipe, ending with `prompt` and `answer`.

    `labels` are those of the recipe.
    """
    from studio.jobs.forms.form_request import FORM

    form = dict(labels) if labels.get(FORM) else {}
    turns: list[Turn] = []
    for message in messages:
        if message.role == "user":
            turns.append(Turn(prompt=message.content))
        elif message.role == "assistant" and turns:
            turns[-1].answers = [Answer(text=message.content)]
    turns.append(Turn(prompt=prompt, answers=[answer], form=form))
    return Conversation(turns)


def encode(conversation: Conversation) -> bytes:
    """Return a conversation as JSON."""
    return msgspec.json.encode(conversation)
