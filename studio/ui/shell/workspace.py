"""The interface between the window and a kind's workspace, with its optional extensions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from studio.protocol import Request

if TYPE_CHECKING:
    from studio.library.records import Asset, Job


class Workspace(Protocol):
    """Required of every workspace: a widget created as `workspace(state, parent)`."""

    def values_to_settings(self) -> None:
        """Store the values of the controls in the settings."""

    def restore(self, source: Asset | Request, /) -> None:
        """Show the settings of a request of this kind, or of an asset's recipe."""

    def generate(self) -> None:
        """Submit the request that the controls describe."""

    def stop(self) -> None:
        """Cancel the jobs submitted from this workspace."""

    def focus_prompt(self) -> None:
        """Focus the prompt, or the first control if there is no prompt."""


@runtime_checkable
class BuiltInSlices(Protocol):
    """Has parts that are built after the first paint."""

    def slices(self) -> Iterator[Callable[[], object]]:
        """Yield calls that build the remaining parts, one per event loop iteration."""


@runtime_checkable
class TakesFiles(Protocol):
    """Accepts files as input; `Kind.action` is the text of the menu entry that sends them."""

    def take(self, paths: Sequence[Path], /) -> None:
        """Use these files as the input of the next requests."""


@runtime_checkable
class TakesText(Protocol):
    """Accepts a text as its prompt; `Kind.text_action` is the text of the menu entry."""

    def take_text(self, text: str, /) -> None:
        """Use this text as the prompt of the next request."""


@runtime_checkable
class ShowsJobs(Protocol):
    """Shows jobs that were submitted elsewhere."""

    def show_job(self, job: Job, /) -> None:
        """Follow the job as if it had been submitted here."""


@runtime_checkable
class RunsRequests(Protocol):
    """Runs requests that were created elsewhere."""

    def run(self, request: Request, /) -> None:
        """Show the settings of the request and submit it."""


@runtime_checkable
class ProvidesRequest(Protocol):
    """Provides the request that a batch varies."""

    def request(self) -> Request:
        """Return the request that the controls describe."""
