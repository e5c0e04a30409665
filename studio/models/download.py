"""Download a large file, resuming after interruptions.

The partial file is `<name>.part`, with its URL and version in `<name>.part.json`. It is renamed
when it is complete and verified. If the file changes on the server (by its ETag), the download
restarts. Proxies of the environment or the system are used (`urllib`).
"""

from __future__ import annotations

import contextlib
import email.utils
import errno
import hashlib
import http.client
import ipaddress
import os
import shutil
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from email.message import Message
from http.client import HTTPMessage, HTTPResponse
from pathlib import Path
from typing import IO, TypeAlias

import msgspec
from msgspec import Struct

from studio.formats.json_file import read_json_file, write_json_file
from studio.protocol import ProblemError, problem

Progress: TypeAlias = Callable[[int, int | None], None]

TRIES = 6
"""Consecutive attempts without progress before giving up."""

MAX_WAIT = 60.0
"""Seconds. A longer Retry-After ends the download."""

_TIMEOUT = 30.0
_BLOCK = 1 << 20
_SPARE_BYTES = 50_000_000
_AGENT = "prompt-studio (model download)"


class _State(Struct):
    """The origin of the partial file. `version` is the ETag, or else Last-Modified."""

    url: str
    version: str = ""
    total: int | None = None


class _RetryableError(Exception):
    """An attempt failed and can be retried, after `wait` seconds if the server requests it."""

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.wait = wait


def download(
    url: str,
    target: Path,
    *,
    sha256: str = "",
    progress: Progress = lambda _done, _total: None,
    cancelled: threading.Event | None = None,
    pause: float = 1.0,
) -> Path:
    """Download `url` to `target`, resuming an earlier partial download.

    Args:
        url: https, or http if the host is this machine or `sha256` is given.
        target: the file. Nothing is done if it exists and matches `sha256`.
        sha256: hex, verified if given.
        progress: called with the bytes done and in total (None if unknown).
        cancelled: set from any thread to cancel; the partial file is kept.
        pause: seconds before the first retry, doubled for each further one.

    Returns `target`.

    Raises `ProblemError`: `bad_input` (invalid address, not found, not allowed), `model_missing`
    (no network, server error or busy), `model_broken` (sha256 mismatch), `disk_full`, `cancelled`.
    """
    url = _file_url(url)
    _check_address(url, sha256)
    stop = cancelled or threading.Event()
    part = target.with_name(target.name + ".part")
    try:
        if target.exists() and sha256 and _hash(target, stop) == sha256.lower():
            return target
        target.parent.mkdir(parents=True, exist_ok=True)
        _fetch(url, part, progress, stop, pause)
        if sha256 and _hash(part, stop) != sha256.lower():
            _discard(part)
            raise problem(
                "model_broken",
                "The download of {file} is damaged: its SHA-256 does not match. Check the address,"
                " then try again.",
                file=target.name,
            )
        part.replace(target)
        _discard(part)
    except OSError as error:
        raise _disk_problem(target, error) from error
    return target


def partial_bytes(target: Path) -> int:
    """Return the size of the partial download of `target` in bytes."""
    try:
        return target.with_name(target.name + ".part").stat().st_size
    except OSError:
        return 0


def _fetch(url: str, part: Path, progress: Progress, stop: threading.Event, pause: float) -> None:
    failures = 0
    while True:
        before = _size(part)
        try:
            _attempt(url, part, progress, stop)
            return
        except _RetryableError as error:
            failures = 1 if _size(part) > before else failures + 1
            if failures >= TRIES:
                raise problem(
                    "model_missing",
                    "The download was interrupted and could not be resumed. Try again later. The "
                    "part downloaded so far is kept.",
                    detail=str(error),
                ) from error
            wait = error.wait if error.wait is not None else pause * 2 ** (failures - 1)
            if wait > MAX_WAIT:
                raise problem(
                    "model_missing",
                    "The server is busy. Try again in {minutes} min. The part downloaded so far is"
                    " kept.",
                    detail=str(error),
                    minutes=max(1, round(wait / 60)),
                ) from error
            if stop.wait(wait):
                raise _cancelled() from None


def _attempt(url: str, part: Path, progress: Progress, stop: threading.Event) -> None:
    state = _read_state(part, url)
    done = _size(part) if state.version else 0
    request = urllib.request.Request(url, headers={"User-Agent": _AGENT})
    # A compressed response could not be resumed.
    request.add_header("Accept-Encoding", "identity")
    if done:
        request.add_header("Range", f"bytes={done}-")
        request.add_header("If-Range", state.version)
    try:
        response = _opener().open(request, timeout=_TIMEOUT)
    except urllib.error.HTTPError as error:
        with error:
            if error.code == 416 and done and done == state.total:
                progress(done, done)
                return
            _raise_status(error, part)
        return
    except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
        raise _unreachable(error) from error
    with response:
        _receive(response, part, state, done, progress, stop)


def _receive(
    response: HTTPResponse,
    part: Path,
    state: _State,
    done: int,
    progress: Progress,
    stop: threading.Event,
) -> None:
    version = response.headers.get("ETag") or response.headers.get("Last-Modified") or ""
    if version.startswith("W/"):  # a weak ETag does not guarantee identical bytes
        version = ""
    if response.status == 206:
        first, total = _content_range(response.headers)
        if version != state.version or first != done:
            _discard(part)
            raise _RetryableError("the file changed on the server", wait=0.0)
    else:
        done = 0
        length = response.headers.get("Content-Length", "")
        total = int(length) if length.isdigit() else None
        if response.headers.get_content_type() == "text/html":
            raise problem(
                "bad_input",
                "The address leads to a web page, not to a file. Copy the address of the download "
                "link itself.",
            )
    if total is not None:
        _check_space(part, total - done)
    if not done:  # before writing the new version, in case of a crash in between
        part.unlink(missing_ok=True)
    write_json_file(_state_file(part), _State(state.url, version, total))
    with part.open("ab" if done else "wb") as file:
        try:
            _copy(response, file, done, total, progress, stop)
        finally:
            # Do not replace an earlier error.
            with contextlib.suppress(OSError):
                file.flush()
                os.fsync(file.fileno())
    received = _size(part)
    if total is not None and received < total:
        raise _RetryableError(f"connection closed after {received} of {total} bytes")


def _copy(
    response: HTTPResponse,
    file: IO[bytes],
    done: int,
    total: int | None,
    progress: Progress,
    stop: threading.Event,
) -> None:
    progress(done, total)
    while True:
        if stop.is_set():
            raise _cancelled()
        try:
            block = response.read1(_BLOCK)
        except (OSError, http.client.HTTPException) as error:
            raise _RetryableError(f"{type(error).__name__}: {error}") from error
        if not block:
            return
        if total is not None and done + len(block) > total:
            raise _RetryableError("more bytes than announced")
        file.write(block)
        done += len(block)
        progress(done, total)


def _raise_status(error: urllib.error.HTTPError, part: Path) -> None:
    match error.code:
        case 401 | 403:
            raise problem(
                "bad_input",
                "The server does not allow this download ({code}). Download the file in a browser "
                "where you are signed in, then add it here.",
                code=error.code,
            ) from None
        case 404 | 410:
            raise problem(
                "bad_input",
                "There is no file at this address ({code}). Check the address.",
                code=error.code,
            ) from None
        case 416:
            _discard(part)
            raise _RetryableError("the file is shorter than the partial one", wait=0.0) from None
        case 408 | 425 | 429 | 500 | 502 | 503 | 504:
            wait = _retry_after(error.headers)
            raise _RetryableError(f"the server answered {error.code}", wait) from None
        case _:
            raise problem(
                "bad_input",
                "The server refused the download ({code}). Check the address.",
                code=error.code,
            ) from None


def _unreachable(error: Exception) -> Exception:
    reason = getattr(error, "reason", error)
    if isinstance(reason, TimeoutError | ConnectionResetError | http.client.HTTPException):
        return _RetryableError(str(reason))
    return problem(
        "model_missing",
        "The server cannot be reached. Check the network, the proxy and the address, then try "
        "again.",
        detail=str(reason),
    )


class _SafeRedirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects, but not from https to http."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        if req.full_url.startswith("https:") and not newurl.startswith("https:"):
            raise problem(
                "bad_input",
                "The server redirects to an unencrypted address, which is not allowed. Look for "
                "another address of the file.",
                detail=newurl,
            )
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opener() -> urllib.request.OpenerDirector:
    return urllib.request.build_opener(_SafeRedirects)


def _file_url(url: str) -> str:
    """Return the address of the file itself if `url` is its page on the model hub."""
    parts = urllib.parse.urlsplit(url.strip())
    if parts.hostname in ("huggingface.co", "hf-mirror.com") and "/blob/" in parts.path:
        return parts._replace(path=parts.path.replace("/blob/", "/resolve/", 1)).geturl()
    return parts.geturl()


def _check_address(url: str, sha256: str) -> None:
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise problem(
            "bad_input",
            "{url} is not a valid download address. It must start with https://",
            url=url,
        )
    if parts.scheme == "http" and not sha256 and not _is_this_machine(parts.hostname):
        raise problem(
            "bad_input",
            "The address is not encrypted (http). Use one that starts with https://",
        )


def _is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return False


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


def _retry_after(headers: Message) -> float | None:
    value = headers.get("Retry-After", "").strip()
    if value.isdigit():
        return float(value)
    with contextlib.suppress(ValueError):
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    return None


def _check_space(part: Path, needed: int) -> None:
    free = shutil.disk_usage(part.parent).free
    if free < needed + _SPARE_BYTES:
        raise problem(
            "disk_full",
            "The download needs {needed} MB of disk space, but only {free} MB are free in {path}. "
            "Free some space, then try again. The part downloaded so far is kept.",
            needed=needed // 1_000_000,
            free=free // 1_000_000,
            path=part.parent,
        )


def _disk_problem(target: Path, error: OSError) -> ProblemError:
    if error.errno == errno.ENOSPC:
        return problem(
            "disk_full",
            "The disk is full. Free some space, then try again. The part downloaded so far is "
            "kept.",
            detail=str(error),
        )
    return problem(
        "bad_input",
        "The download could not be saved in {path}. Check the folder's permissions.",
        detail=str(error),
        path=target.parent,
    )


def _cancelled() -> ProblemError:
    return problem(
        "cancelled",
        "The download was cancelled. The part downloaded so far is kept, so that it can be "
        "resumed.",
    )


def _read_state(part: Path, url: str) -> _State:
    with contextlib.suppress(msgspec.DecodeError):
        state = read_json_file(_state_file(part), _State)
        if state is not None and state.url == url:
            return state
    return _State(url)


def _state_file(part: Path) -> Path:
    return part.with_name(part.name + ".json")


def _discard(part: Path) -> None:
    part.unlink(missing_ok=True)
    _state_file(part).unlink(missing_ok=True)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _hash(path: Path, stop: threading.Event) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            if stop.is_set():
                raise _cancelled()
            digest.update(block)
    return digest.hexdigest()
