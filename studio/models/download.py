"""Download one large file so that nothing is lost: cuts are taken up where they happened.

What has arrived lies in `<name>.part` with `<name>.part.json` beside it (where it comes from
and which version it is), until it is whole and checked; then it gets its name. A server that
has a new version meanwhile is noticed by its ETag, and the download starts anew.
Proxies are those of the environment or the system (`urllib`).
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
"""Attempts without a single new byte before giving up."""

MAX_WAIT = 60.0
"""Seconds: a server that asks for more patience is not waited for."""

_TIMEOUT = 30.0
_BLOCK = 1 << 20
_SPARE = 50_000_000
_AGENT = "prompt-studio (model download)"


class _State(Struct):
    """What the partial file is. `version` is the ETag, or else the time of last change."""

    url: str
    version: str = ""
    total: int | None = None


class _Again(Exception):
    """The attempt ended early. `wait` is what the server asked for, in seconds."""

    def __init__(self, why: str, wait: float | None = None) -> None:
        super().__init__(why)
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
    """Download `url` to the file `target`, going on from what an earlier attempt left.

    Args:
        url: https, or http on this machine or with `sha256` given.
        target: the file to make. Where it exists and matches `sha256` nothing is done.
        sha256: hex; checked when given.
        progress: is told bytes done and bytes in all (None where the server does not say).
        cancelled: set from any thread to stop; what has arrived stays for the next time.
        pause: seconds before the first new attempt, doubled each time.

    Returns `target`.

    Raises `ProblemError`: `bad_input` (address, not found, not allowed), `model_missing` (no
    network, the server fails or is busy), `model_broken` (the sha256 differs), `disk_full`,
    `cancelled`.
    """
    url = _direct(url)
    _check_address(url, sha256)
    stop = cancelled or threading.Event()
    part = target.with_name(target.name + ".part")
    try:
        if target.exists() and sha256 and _hash(target, stop) == sha256.lower():
            return target
        target.parent.mkdir(parents=True, exist_ok=True)
        _fetch(url, part, progress, stop, pause)
        if sha256 and _hash(part, stop) != sha256.lower():
            _forget(part)
            raise problem(
                "model_broken",
                "The download of {file} is damaged: its SHA-256 does not match. Check the address,"
                " then try again.",
                file=target.name,
            )
        part.replace(target)
        _forget(part)
    except OSError as error:
        raise _disk_problem(target, error) from error
    return target


def partial_bytes(target: Path) -> int:
    """Return how many bytes of `target` an interrupted download has left on disk."""
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
        except _Again as again:
            failures = 1 if _size(part) > before else failures + 1
            if failures >= TRIES:
                raise problem(
                    "model_missing",
                    "The download was interrupted and could not be resumed. Try again later. The "
                    "part downloaded so far is kept.",
                    detail=str(again),
                ) from again
            wait = again.wait if again.wait is not None else pause * 2 ** (failures - 1)
            if wait > MAX_WAIT:
                raise problem(
                    "model_missing",
                    "The server is busy. Try again in {minutes} min. The part downloaded so far is"
                    " kept.",
                    detail=str(again),
                    minutes=max(1, round(wait / 60)),
                ) from again
            if stop.wait(wait):
                raise _stopped() from None


def _attempt(url: str, part: Path, progress: Progress, stop: threading.Event) -> None:
    state = _read_state(part, url)
    done = _size(part) if state.version else 0
    request = urllib.request.Request(url, headers={"User-Agent": _AGENT})
    # a compressed answer could not be taken up in the middle
    request.add_header("Accept-Encoding", "identity")
    if done:
        request.add_header("Range", f"bytes={done}-")
        request.add_header("If-Range", state.version)
    try:
        answer = _opener().open(request, timeout=_TIMEOUT)
    except urllib.error.HTTPError as error:
        with error:
            if error.code == 416 and done and done == state.total:
                progress(done, done)
                return
            _raise_status(error, part)
        return
    except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
        raise _unreachable(error) from error
    with answer:
        _receive(answer, part, state, done, progress, stop)


def _receive(
    answer: HTTPResponse,
    part: Path,
    state: _State,
    done: int,
    progress: Progress,
    stop: threading.Event,
) -> None:
    version = answer.headers.get("ETag") or answer.headers.get("Last-Modified") or ""
    if version.startswith("W/"):  # two bodies may share a weak tag
        version = ""
    goes_on = answer.status == 206 and version == state.version
    if answer.status == 206:
        first, whole = _content_range(answer.headers)
        if not goes_on or first != done:
            _forget(part)
            raise _Again("the file changed on the server", wait=0.0)
        total = whole
    else:
        done = 0
        length = answer.headers.get("Content-Length", "")
        total = int(length) if length.isdigit() else None
        content = answer.headers.get_content_type()
        if content == "text/html":
            raise problem(
                "bad_input",
                "The address leads to a web page, not to a file. Copy the address of the download "
                "link itself.",
            )
    if total is not None:
        _check_space(part, total - done)
    if not done:  # else a crash here would let old bytes pass for those of the new version
        part.unlink(missing_ok=True)
    write_json_file(_state_file(part), _State(state.url, version, total))
    with part.open("ab" if done else "wb") as file:
        try:
            _copy(answer, file, done, total, progress, stop)
        finally:
            # what went wrong before this is the better thing to tell
            with contextlib.suppress(OSError):
                file.flush()
                os.fsync(file.fileno())
    received = _size(part)
    if total is not None and received < total:
        raise _Again(f"cut off at {received} of {total} bytes")


def _copy(
    answer: HTTPResponse,
    file: IO[bytes],
    done: int,
    total: int | None,
    progress: Progress,
    stop: threading.Event,
) -> None:
    progress(done, total)
    while True:
        if stop.is_set():
            raise _stopped()
        try:
            block = answer.read1(_BLOCK)
        except (OSError, http.client.HTTPException) as error:
            raise _Again(f"{type(error).__name__}: {error}") from error
        if not block:
            return
        if total is not None and done + len(block) > total:
            raise _Again("more bytes than announced")
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
            _forget(part)
            raise _Again("the server has fewer bytes than were kept", wait=0.0) from None
        case 408 | 425 | 429 | 500 | 502 | 503 | 504:
            raise _Again(f"the server answered {error.code}", _retry_after(error.headers)) from None
        case _:
            raise problem(
                "bad_input",
                "The server refused the download ({code}). Check the address.",
                code=error.code,
            ) from None


def _unreachable(error: Exception) -> Exception:
    reason = getattr(error, "reason", error)
    broken_off = isinstance(reason, TimeoutError | ConnectionResetError | http.client.HTTPException)
    if broken_off:
        return _Again(str(reason))
    return problem(
        "model_missing",
        "The server cannot be reached. Check the network, the proxy and the address, then try "
        "again.",
        detail=str(reason),
    )


class _SafeRedirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects, but never from an encrypted connection to an open one."""

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


def _direct(url: str) -> str:
    """Return the file's own address where `url` is a page about it on the model hub."""
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
    """Return the first byte and the whole size of "bytes 5-9/10"; -1 where it says neither."""
    unit, _, rest = headers.get("Content-Range", "").partition(" ")
    span, _, whole = rest.partition("/")
    first = span.partition("-")[0]
    if unit != "bytes" or not first.isdigit():
        return -1, None
    return int(first), int(whole) if whole.isdigit() else None


def _retry_after(headers: Message) -> float | None:
    said = headers.get("Retry-After", "").strip()
    if said.isdigit():
        return float(said)
    with contextlib.suppress(ValueError):
        return max(0.0, email.utils.parsedate_to_datetime(said).timestamp() - time.time())
    return None


def _check_space(part: Path, needed: int) -> None:
    free = shutil.disk_usage(part.parent).free
    if free < needed + _SPARE:
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


def _stopped() -> ProblemError:
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


def _forget(part: Path) -> None:
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
                raise _stopped()
            digest.update(block)
    return digest.hexdigest()
