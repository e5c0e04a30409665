"""A callback that records the events of a job, and a model that does not exist."""

from __future__ import annotations

from collections.abc import Callable

from studio.protocol import Event, ModelRef

MODEL = ModelRef(id="m", name="Model", task="text", format="transformers", path="nowhere")


class Recorder:
    """Record the events of a job, and call `then` at the first one of type `at`."""

    def __init__(self, at: type[Event] | None = None, then: Callable[[], object] = int) -> None:
        self.events: list[Event] = []
        self._at = at
        self._then = then

    def __call__(self, event: Event) -> None:
        self.events.append(event)
        if self._at is not None and isinstance(event, self._at):
            self._at = None
            self._then()

    def kinds(self) -> list[str]:
        return [type(event).__name__ for event in self.events]
