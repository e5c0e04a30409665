"""A model's proposal for a passage: changes that are accepted or rejected one by one."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from studio.writing.editing.word_diff import Change, apply_changes


class Proposal(Struct, frozen=True):
    """`decisions` has those that were made, by the index of the change: whether it is accepted."""

    original: str
    changes: tuple[Change, ...]
    decisions: Mapping[int, bool] = {}

    def decided(self, index: int, accepted: bool) -> Proposal:
        """Return the proposal with one decision more."""
        return Proposal(self.original, self.changes, {**self.decisions, index: accepted})

    def all_decided(self, accepted: bool) -> Proposal:
        """Return the proposal with the same decision on all changes that have none."""
        rest = dict.fromkeys(range(len(self.changes)), accepted)
        return Proposal(self.original, self.changes, {**rest, **self.decisions})

    @property
    def accepted(self) -> int:
        """The number of changes that were accepted."""
        return sum(self.decisions.values())

    @property
    def is_decided(self) -> bool:
        """Whether there is a decision on each change."""
        return len(self.decisions) >= len(self.changes)

    def next_open(self, after: int = -1) -> int | None:
        """Return the first change after another that has no decision, or else any."""
        count = len(self.changes)
        places = [(after + 1 + n) % count for n in range(count)] if count else []
        return next((place for place in places if place not in self.decisions), None)

    def text(self) -> str:
        """Return the passage with the changes that were accepted."""
        changes = [change for index, change in enumerate(self.changes) if self.decisions.get(index)]
        return apply_changes(self.original, changes)
