"""Where parts of the window send what they have: to a kind's workspace, or to a dialog."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from studio.protocol import Request

if TYPE_CHECKING:
    from studio.library.records import Asset, Job


class Destinations(Protocol):
    """The window, as its parts see it. It shows the tab that it sends something to."""

    def restore(self, what: Asset | Request) -> None:
        """Bring back the settings of a result or a request."""

    def send(self, task: str, paths: Sequence[Path]) -> None:
        """Hand files to a workspace that takes some."""

    def show_job(self, job: Job) -> None:
        """Show a job in the tab of its kind."""

    def run(self, request: Request) -> None:
        """Run a request in the tab of its kind."""

    def open_models(self, task: str = "") -> None:
        """Show the models, those of a task first."""


class Nowhere:
    """Where things go while there is no window."""

    def restore(self, what: Asset | Request) -> None: ...
    def send(self, task: str, paths: Sequence[Path]) -> None: ...
    def show_job(self, job: Job) -> None: ...
    def run(self, request: Request) -> None: ...
    def open_models(self, task: str = "") -> None: ...
