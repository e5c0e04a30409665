"""What can go wrong with a download, as problems for a person or as errors worth a retry."""

from __future__ import annotations

import contextlib
import email.utils
import errno
import http.client
import ipaddress
import shutil
import ssl
import time
import urllib.error
import urllib.parse
from email.message import Message
from pathlib import Path

from studio.protocol import Problem, ProblemError, problem, readable_size

_GONE = (errno.ENOENT, errno.ENOTDIR, errno.ENODEV, errno.ENXIO, errno.EIO, errno.ESTALE)
_SPARE_BYTES = 50_000_000
_MAX_DETAIL = 300


class RetryableError(Exception):
    """An attempt failed and can be retried, after `wait` seconds if the server requests it."""

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.wait = wait


class NoNetworkError(ProblemError):
    """The server cannot be reached at all, so that other downloads would fail as well."""


def shown_url(url: str) -> str:
    """Return an address for messages: without query and password, which may contain secrets."""
    parts = urllib.parse.urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}" if parts.scheme else parts.path


def check_address(url: str, sha256: str) -> None:
    """Raise `ProblemError` unless `url` is https, or http to this machine or with a known hash."""
    try:
        parts = urllib.parse.urlsplit(url)
        host = parts.hostname
        _ = parts.port
    except ValueError:
        parts, host = urllib.parse.urlsplit(""), None
    if parts.scheme not in ("http", "https") or not host:
        raise problem(
            "bad_input",
            "{url} is not a valid download address. It must start with https://",
            url=url,
        )
    if parts.scheme == "http" and not sha256 and not is_this_machine(host):
        raise problem(
            "bad_input",
            "The address is not encrypted (http). Use one that starts with https://",
        )


def is_this_machine(host: str) -> bool:
    """Return whether a host name is that of this machine."""
    if host == "localhost":
        return True
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return False


def error_for_status(error: urllib.error.HTTPError, *, signed_in: bool) -> Exception:
    """Return the error for a response with an error status: `RetryableError` or `ProblemError`."""
    code, url = error.code, shown_url(error.url or "")
    page = _repository_page(url)
    reason = error.headers.get("X-Error-Message", "") if error.headers else ""
    detail = f"{code} {url} {reason}".strip()[:_MAX_DETAIL]
    match code:
        case 401 | 403 if error.headers and error.headers.get("X-Error-Code") == "GatedRepo":
            return gated(page, signed_in=signed_in, detail=detail)
        case 401 | 403 if page and signed_in:
            return problem(
                "bad_input",
                "The access token does not allow this download ({code}): it may have expired, or"
                " lack the right to read {page}. Save a new one.",
                detail,
                code=code,
                page=page,
            )
        case 401 | 403 if page:
            return problem(
                "bad_input",
                "{page} does not exist, is private, or needs your consent to its terms ({code})."
                " Open it in a browser, then save an access token of your account.",
                detail,
                code=code,
                page=page,
            )
        case 401 | 403:
            return problem(
                "bad_input",
                "The server does not allow this download ({code}). Download the file in a browser "
                "where you are signed in, then add it here.",
                detail,
                code=code,
            )
        case 404 | 410:
            return problem(
                "bad_input",
                "There is no file at this address ({code}). Check the address.",
                detail,
                code=code,
            )
        case 407:
            return problem(
                "model_missing",
                "The proxy asks for a name and a password. Add them to the address of the proxy"
                " (HTTPS_PROXY), then try again.",
                detail,
            )
        case 408 | 425 | 429 | 500 | 502 | 503 | 504:
            return RetryableError(f"the server answered {code}", retry_after(error.headers))
        case _:
            return problem(
                "bad_input",
                "The server refused the download ({code}). Check the address.",
                detail,
                code=code,
            )


def gated(page: str, *, signed_in: bool, detail: str = "") -> ProblemError:
    """Return the error for a repository whose terms must be accepted first."""
    if signed_in:
        return problem(
            "bad_input",
            "Your account has no access to this model yet. Accept its terms at {page}, wait for"
            " the approval if the page asks for one, then try again.",
            detail,
            page=page,
        )
    return problem(
        "bad_input",
        "This model can be downloaded only after you accept its terms. Accept them at {page}, then"
        " save an access token of your account (in the settings, or: studio models token set) and "
        "try again.",
        detail,
        page=page,
    )


def unreachable(error: Exception, url: str) -> Exception:
    """Return the error for a failed connection: `RetryableError` or `ProblemError`."""
    reason = getattr(error, "reason", error)
    if isinstance(reason, TimeoutError | ConnectionResetError | http.client.HTTPException):
        return RetryableError(f"{type(reason).__name__}: {reason}")
    host = urllib.parse.urlsplit(url).hostname or ""
    if isinstance(reason, ssl.SSLCertVerificationError):
        return problem(
            "model_missing",
            "The certificate of {host} is not trusted, so nothing was downloaded. A program that"
            " inspects the network traffic may be the cause; ask your administrator.",
            str(reason)[:_MAX_DETAIL],
            host=host,
        )
    return no_network(host, str(reason))


def no_network(host: str, detail: str) -> NoNetworkError:
    """Return the error for a server that cannot be reached."""
    return NoNetworkError(
        problem(
            "model_missing",
            "{host} cannot be reached. Check the network, the proxy and the address, then try "
            "again.",
            detail[:_MAX_DETAIL],
            host=host,
        ).problem
    )


def retry_after(headers: Message | None) -> float | None:
    """Return the seconds of a Retry-After header, given as a number or as a date."""
    value = str(headers.get("Retry-After", "")).strip() if headers else ""
    if value.isdigit():
        return float(value[:9])
    with contextlib.suppress(ValueError, OverflowError):
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    return None


def check_space(folder: Path, needed: int) -> None:
    """Raise `ProblemError` unless `needed` bytes and some to spare are free."""
    free = shutil.disk_usage(folder).free
    if free < needed + _SPARE_BYTES:
        raise problem(
            "disk_full",
            "The download needs {needed} of disk space, but only {free} are free in {path}. "
            "Free some space, then try again. The part downloaded so far is kept.",
            needed=readable_size(needed),
            free=readable_size(free),
            path=folder,
        )


def disk_problem(folder: Path, error: OSError) -> ProblemError:
    """Return the error for a failed write in `folder`."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return problem(
            "disk_full",
            "The disk is full. Free some space, then try again. The part downloaded so far is "
            "kept.",
            detail=str(error),
        )
    if error.errno in _GONE:
        return problem(
            "bad_input",
            "The download could not be saved, because {path} is not there. Connect its disk, then "
            "try again. The part downloaded so far is kept.",
            detail=str(error),
            path=folder,
        )
    return problem(
        "bad_input",
        "The download could not be saved in {path}. Check the folder's permissions.",
        detail=str(error),
        path=folder,
    )


def cancelled() -> ProblemError:
    """Return the error for a download that the user stopped."""
    return problem(
        "cancelled",
        "The download was cancelled. The part downloaded so far is kept, so that it can be "
        "resumed.",
    )


def give_up(error: RetryableError) -> Problem:
    """Return the problem after the last attempt."""
    return problem(
        "model_missing",
        "The download was interrupted and could not be resumed. Try again later. The "
        "part downloaded so far is kept.",
        detail=str(error)[:_MAX_DETAIL],
    ).problem


def busy(wait: float, error: RetryableError) -> ProblemError:
    """Return the error for a server that asks to come back much later."""
    return problem(
        "model_missing",
        "The server is busy. Try again in {minutes} min. The part downloaded so far is kept.",
        detail=str(error)[:_MAX_DETAIL],
        minutes=max(1, round(wait / 60)),
    )


def _repository_page(url: str) -> str:
    """Return the page of the hub repository that a file belongs to, "" for other addresses."""
    page, found, _ = url.partition("/resolve/")
    return page if found and urllib.parse.urlsplit(page).path.count("/") == 2 else ""
