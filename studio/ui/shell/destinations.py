"""Navigation targets that parts of the window can open: a kind's workspace, or a dialog."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from studio.protocol import ModelRef, Request

if TYPE_CHECKING:
    from studio.library.records import Asset, Job


class Destinations(Protocol):
    """Implemented by the main window. Each call also brings the target tab to the front."""

    def restore(self, source: Asset | Request) -> None:
        """Show the settings of a result or a request."""

    def send(self, task: str, paths: Sequence[Path]) -> None:
        """Pass files to a workspace that accepts files."""

    def send_text(self, task: str, text: str) -> None:
        """Pass a text to a workspace that accepts texts."""

    def show_job(self, job: Job) -> None:
        """Show a job in the tab of its kind."""

    def run(self, request: Request) -> None:
        """Run a request in the tab of its kind."""

    def open_models(self, task: str = "") -> None:
        """Open the models dialog, with the models of `task` first."""

    def find_models(self, task: str = "") -> None:
        """Open the models dialog where models can be got, with those for `task`."""

    def get_model(self, entry: str) -> None:
        """Download an entry of the catalogue, after a question where its licence needs one."""

    def get_smaller(self, model: ModelRef) -> None:
        """Download a smaller version of an installed model, if its hub has one."""

    def show_downloads(self) -> None:
        """Open the models dialog at the downloads."""

    def open_settings(self) -> None:
        """Open the settings."""

    def open_table(self, path: Path) -> None:
        """Open the batch dialog with a table of requests."""


class NullDestinations:
    """Ignore all calls: used while there is no window."""

    def restore(self, source: Asset | Request) -> None: ...
    def send(self, task: str, paths: Sequence[Path]) -> None: ...
    def send_text(self, task: str, text: str) -> None: ...
    def show_job(self, job: Job) -> None: ...
    def run(self, request: Request) -> None: ...
    def open_models(self, task: str = "") -> None: ...
    def find_models(self, task: str = "") -> None: ...
    def get_model(self, entry: str) -> None: ...
    def get_smaller(self, model: ModelRef) -> None: ...
    def show_downloads(self) -> None: ...
    def open_settings(self) -> None: ...
    def open_table(self, path: Path) -> None: ...
