"""What the window asks of the workspace of a kind. More than that each offers as it can."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from studio.protocol import Request

if TYPE_CHECKING:
    from studio.library.records import Asset, Job


class Workspace(Protocol):
    """A widget, made with the state and its parent."""

    def values_to_settings(self) -> None:
        """Keep what the controls say."""

    def restore(self, source: Asset | Request, /) -> None:
        """Show the settings of a request, or of the recipe of an asset, of this kind."""

    def generate(self) -> None:
        """Send what the controls say."""

    def stop(self) -> None:
        """Cancel what was sent from here."""

    def focus_prompt(self) -> None:
        """Put the focus on the first control."""


@runtime_checkable
class BuiltInPieces(Protocol):
    """Its first paint can do without some of its parts."""

    def pieces(self) -> Iterator[Callable[[], object]]:
        """Yield what adds those that are missing, a piece for each turn of the event loop."""


@runtime_checkable
class TakesFiles(Protocol):
    """Files can be sent to it: the kind says under which name (`Kind.action`)."""

    def take(self, paths: Sequence[Path], /) -> None:
        """Use these files as what the next requests read."""


@runtime_checkable
class ShowsJobs(Protocol):
    """Shows a job that was asked for elsewhere."""

    def show_job(self, job: Job, /) -> None:
        """Follow the job as one of its own."""


@runtime_checkable
class RunsRequests(Protocol):
    """Runs a request that was made elsewhere, as if its controls said so."""

    def run(self, request: Request, /) -> None:
        """Show the request and send it."""


@runtime_checkable
class TellsRequest(Protocol):
    """Tells the request that its controls describe, for many like it."""

    def request(self) -> Request:
        """Return what would be sent now."""
