"""The conversation as data: prompts, all their answers, and the chosen ones.

It is saved in one file beside the settings; each answer is also an asset in the library.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from studio.formats.atomic_write import make_private_folder, write_atomic
from studio.formats.chat.thoughts import without_thoughts
from studio.formats.json_file import set_aside
from studio.formats.untrusted_files import read_start
from studio.protocol import Message, Problem, Sentence
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
    """

    prompt: str
    answers: list[Answer] = msgspec.field(default_factory=list)
    chosen: Annotated[int, Meta(ge=0)] = 0
    jobs: dict[str, int] = msgspec.field(default_factory=dict)
    unanswered: bool = False

    def chosen_text(self) -> str:
        """Return the text of the chosen answer, empty if there is none."""
        return self.answers[self.chosen].text if self.chosen < len(self.answers) else ""


_TITLE = 60
"""Characters of a title made from a prompt."""


class Conversation(Struct):
    """The turns in order."""

    turns: list[Turn] = msgspec.field(default_factory=list)

    def shown_title(self) -> str:
        """Return the first words of the conversation, empty if there are none."""
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
        return next((turn for turn in self.turns if job in turn.jobs), None)


def from_messages(messages: tuple[Message, ...], prompt: str, answer: Answer) -> Conversation:
    """Return the conversation recorded in a recipe, ending with `prompt` and `answer`."""
    turns: list[Turn] = []
    for message in messages:
        if message.role == "user":
            turns.append(Turn(prompt=message.content))
        elif message.role == "assistant" and turns:
            turns[-1].answers = [Answer(text=message.content)]
    turns.append(Turn(prompt=prompt, answers=[answer]))
    return Conversation(turns)


_MAX_BYTES = 64 * 2**20


def load_conversation(file: Path) -> tuple[Conversation, Problem | None]:
    """Read the last conversation; a damaged file is renamed and reported."""
    try:
        return msgspec.json.decode(read_start(file, _MAX_BYTES), type=Conversation), None
    except FileNotFoundError:
        return Conversation(), None
    except OSError as error:
        return Conversation(), Problem(
            "bad_input",
            Sentence("The last conversation in {path} cannot be read.", {"path": str(file)}),
            str(error),
        )
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        renamed = set_aside(file)
        return Conversation(), Problem(
            "bad_input",
            Sentence(
                "The file of the last conversation was damaged. It was renamed to {path}; "
                "the answers are in the library.",
                {"path": str(renamed)},
            ),
            str(error),
        )


def save_conversation(file: Path, encoded: bytes) -> None:
    """Write an encoded conversation atomically. Raises OSError."""
    make_private_folder(file.parent)
    write_atomic(file, encoded, private=True)


def encode(conversation: Conversation) -> bytes:
    """Return a conversation as JSON."""
    return msgspec.json.encode(conversation)
