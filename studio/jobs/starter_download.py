"""Downloads what the starter pack needs beside the wheels, resuming and verifying it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from studio.downloads.ranged_download import download


def download_for_starter(
    url: str, target: Path, sha256: str, report: Callable[[int], None]
) -> None:
    """Download an address to a file. `report` gets the bytes so far, and may raise to cancel.

    Raises `ProblemError`.
    """
    download(url, target, sha256=sha256, progress=lambda done, _total: report(done))
