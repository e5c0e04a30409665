"""Download a large file, resuming after interruptions.

The partial file is `<name>.part`, with its URL and version in `<name>.part.json`. It is renamed
when it is complete and verified. If the file changes on the server (by its ETag), the download
restarts. Proxies of the environment or the system are used (`urllib`).
"""

from __future__ import annotations

import contextlib
import http.client
import os
import urllib.error
import urllib.parse
from collections.abc import Callable
from email.message import Message
from http.client import HTTPResponse
from pathlib import Path
from typing import TypeAlias

import msgspec
from msgspec import Struct

from studio.downloads.http_open import open_url
from studio.downloads.http_problems import (
    RetryableError,
    busy,
    cancelled,
    check_address,
    check_space,
    disk_problem,
    error_for_status,
    give_up,
)
from studio.downloads.stop_signal import StopSignal
from studio.downloads.stream_hash import StreamHash
from studio.formats.json_file import read_json_file, write_json_file
from studio.protocol import ProblemError, problem, readable_size

Progress: TypeAlias = Callable[[int, int | None], None]

TRIES = 6
"""Consecutive attempts without progress before giving up."""

MAX_WAIT = 60.0
"""Seconds. A longer Retry-After ends the download."""

_BLOCK = 1 << 20


class _State(Struct):
    """The origin of the partial file. `version` is the ETag, or else Last-Modified."""

    url: str
    version: str = ""
    total: int | None = None
    sha256: str = ""


def download(
    url: str,
    target: Path,
    *,
    sha256: str = "",
    size: int | None = None,
    token: str = "",
    progress: Progress = lambda _done, _total: None,
    stop: StopSignal | None = None,
    pause: float = 1.0,
) -> Path:
    """Download `url` to `target`, resuming an earlier partial download.

    Args:
        url: https, or http if the host is this machine or `sha256` is given.
        target: the file, in a folder that exists. Nothing is done if the file exists and matches
            `sha256`.
        sha256: hex, verified if given.
        size: bytes, verified if given.
        token: sent to the host of `url`, but not to hosts that it redirects to.
        progress: called with the bytes done and in total (None if unknown).
        stop: set from any thread to stop; the partial file is kept.
        pause: seconds before the first retry, doubled for each further one.

    Returns `target`.

    Raises `ProblemError`: `bad_input` (invalid address, not found, not allowed), `model_missing`
    (no network, server error or busy), `model_broken` (wrong size or hash), `disk_full`,
    `cancelled`.
    """
    check_address(url, sha256)
    job = _Download(url, target, sha256.lower(), size, token, progress, stop or StopSignal())
    try:
        if target.exists() and sha256 and job.hash_of(target) == sha256.lower():
            return target
        job.run(pause)
    except OSError as error:
        raise disk_problem(target.parent, error) from error
    finally:
        job.close()
    return target


def partial_bytes(target: Path) -> int:
    """Return the size of the partial download of `target` in bytes."""
    return _size(_part_of(target))


def discard_partial(target: Path) -> None:
    """Delete the partial download of `target`."""
    part = _part_of(target)
    part.unlink(missing_ok=True)
    _state_file(part).unlink(missing_ok=True)


class _Download:
    """The download of one file, in as many attempts as it takes."""

    def __init__(
        self,
        url: str,
        target: Path,
        sha256: str,
        size: int | None,
        token: str,
        progress: Progress,
        stop: StopSignal,
    ) -> None:
        self._url = url
        self._target = target
        self._part = _part_of(target)
        self._sha256 = sha256
        self._expected = size
        self._token = token
        self._progress = progress
        self._stop = stop
        self._hash: StreamHash | None = None
        self._is_doubtful = False
        """Whether a wrong hash may be due to an earlier part, or to headers that were cut off."""

    def close(self) -> None:
        """End the hashing thread."""
        if self._hash is not None:
            self._hash.close()
            self._hash = None

    def run(self, pause: float) -> None:
        """Download, verify and rename the file."""
        self._fetch(pause)
        if not self._is_verified():
            discard_partial(self._target)
            if self._is_doubtful:
                self._is_doubtful = False
                self._fetch(pause)
            if not self._part.exists() or not self._is_verified():
                discard_partial(self._target)
                raise problem(
                    "model_broken",
                    "The download of {file} is damaged: its SHA-256 does not match. Check the "
                    "address, then try again.",
                    file=self._target.name,
                )
        self._part.replace(self._target)
        discard_partial(self._target)

    def hash_of(self, path: Path) -> str:
        """Return the SHA-256 of a file."""
        digest = StreamHash()
        try:
            with path.open("rb") as file:
                while block := file.read(_BLOCK):
                    if self._stop.is_set():
                        raise cancelled()
                    digest.update(block)
        finally:
            digest.close()
        return digest.finish()

    def _is_verified(self) -> bool:
        if not self._sha256:
            return True
        digest, self._hash = self._hash, None
        if digest is not None:
            found = digest.finish()
            if digest.position == _size(self._part):
                return found == self._sha256
        return self.hash_of(self._part) == self._sha256

    def _fetch(self, pause: float) -> None:
        failures = 0
        while True:
            before = _size(self._part)
            try:
                self._attempt()
                return
            except RetryableError as error:
                failures = 1 if _size(self._part) > before else failures + 1
                if failures >= TRIES:
                    raise ProblemError(give_up(error)) from error
                wait = error.wait if error.wait is not None else pause * 2 ** (failures - 1)
                if wait > MAX_WAIT:
                    raise busy(wait, error) from error
                if self._stop.wait(wait):
                    raise cancelled() from None

    def _attempt(self) -> None:
        if self._stop.is_set():
            raise cancelled()
        state = self._read_state()
        # With a hash to compare, a partial file can be resumed without a version, and from a
        # mirror.
        done = _size(self._part) if state.version or self._sha256 else 0
        if done and done == state.total == self._expected:
            self._progress(done, done)
            return
        headers: dict[str, str] = {}
        if done:
            headers["Range"] = f"bytes={done}-"
            if state.version:
                headers["If-Range"] = state.version
        try:
            response = open_url(self._url, headers, self._token)
        except urllib.error.HTTPError as error:  # 416: the range starts after the end
            with error:
                if done and done == state.total:
                    self._progress(done, done)
                    return
                if not done:
                    raise error_for_status(error, signed_in=bool(self._token)) from None
            discard_partial(self._target)
            reason = "the file is shorter than the partial one"
            raise RetryableError(reason, wait=0.0) from None
        with response, self._stop.reading(response):
            self._receive(response, state, done)

    def _read_state(self) -> _State:
        with contextlib.suppress(msgspec.DecodeError):
            state = read_json_file(_state_file(self._part), _State)
            if state is not None and state.url == self._url:
                return state
            if state is not None and self._sha256 and state.sha256 == self._sha256:
                return _State(self._url, "", state.total, self._sha256)
        self._part.unlink(missing_ok=True)
        return _State(self._url)

    def _receive(self, response: HTTPResponse, state: _State, done: int) -> None:
        version = _version_of(response)
        if response.status == 206:
            first, total = _content_range(response.headers)
            has_changed = bool(state.version) and version != state.version
            if has_changed or first != done:
                discard_partial(self._target)
                raise RetryableError("the file changed on the server", wait=0.0)
            self._is_doubtful = True
        else:
            done = 0
            length = response.headers.get("Content-Length", "")
            total = int(length) if length.isdigit() else None
            if response.headers.get_content_type() == "text/html":
                raise problem(
                    "bad_input",
                    "The address leads to a web page, not to a file. Copy the address of the "
                    "download link itself.",
                )
        if total is not None and self._expected is not None and total != self._expected:
            raise problem(
                "model_broken",
                "The file {file} has changed on the server: it has {found} now instead of {size}."
                " Look the model up again, then download it.",
                file=self._target.name,
                found=readable_size(total),
                size=readable_size(self._expected),
            )
        total = total if total is not None else self._expected
        if total is None:
            self._is_doubtful = True
        else:
            check_space(self._part.parent, total - done)
        if not done:  # before writing the new version, in case of a crash in between
            self._part.unlink(missing_ok=True)
        new_state = _State(self._url, version, total, self._sha256)
        write_json_file(_state_file(self._part), new_state)
        self._prepare_hash(done)
        self._write(response, done, total)
        received = _size(self._part)
        if total is not None and received < total:
            raise RetryableError(f"connection closed after {received} of {total} bytes")
        if total is None and not received:
            raise RetryableError("connection closed before the first byte")

    def _prepare_hash(self, done: int) -> None:
        if not self._sha256 or (self._hash is not None and self._hash.position == done):
            return
        self.close()
        self._hash = StreamHash(self._part if done else None, done)

    def _write(self, response: HTTPResponse, done: int, total: int | None) -> None:
        with self._part.open("ab" if done else "wb", buffering=0) as file:
            try:
                self._copy(response, file.write, done, total)
            finally:
                # Do not replace an earlier error.
                with contextlib.suppress(OSError):
                    os.fsync(file.fileno())

    def _copy(
        self,
        response: HTTPResponse,
        write: Callable[[bytes], int],
        done: int,
        total: int | None,
    ) -> None:
        self._progress(done, total)
        while True:
            if self._stop.is_set():
                raise cancelled()
            try:
                block = response.read1(_BLOCK)
            except (OSError, http.client.HTTPException) as error:
                raise RetryableError(f"{type(error).__name__}: {error}") from error
            if not block:
                return
            if total is not None and done + len(block) > total:
                raise RetryableError("more bytes than announced")
            written = write(block)
            while written < len(block):  # a raw write may be partial
                written += write(block[written:])
            if self._hash is not None:
                self._hash.update(block)
            done += len(block)
            self._progress(done, total)


def _part_of(target: Path) -> Path:
    return target.with_name(target.name + ".part")


def _version_of(response: HTTPResponse) -> str:
    version = response.headers.get("ETag") or response.headers.get("Last-Modified") or ""
    # A weak ETag does not guarantee identical bytes.
    return "" if version.startswith("W/") else version


def _content_range(headers: Message) -> tuple[int, int | None]:
    """Return first byte and total size of a Content-Range such as "bytes 5-9/10".

    -1 and None if it is missing or invalid.
    """
    unit, _, rest = headers.get("Content-Range", "").partition(" ")
    span, _, whole = rest.partition("/")
    first = span.partition("-")[0]
    if unit != "bytes" or not first.isdigit():
        return -1, None
    return int(first), int(whole) if whole.isdigit() else None


def _state_file(part: Path) -> Path:
    return part.with_name(part.name + ".json")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
