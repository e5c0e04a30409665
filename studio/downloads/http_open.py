"""Open an address for reading: redirects that keep secrets, proxies of the environment."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from http.client import HTTPMessage, HTTPResponse
from typing import IO, cast

from studio.downloads.http_problems import error_for_status, is_this_machine, shown_url, unreachable
from studio.protocol import problem

_TIMEOUT = 30.0
_AGENT = "prompt-studio (model download)"


def open_url(url: str, headers: Mapping[str, str], token: str = "") -> HTTPResponse:
    """Send a GET request and return the response.

    `token` is sent to the host of `url` only, and never without encryption.

    Raises `ProblemError` or `RetryableError`; `urllib.error.HTTPError` for the status 416.
    """
    request = urllib.request.Request(url, headers={"User-Agent": _AGENT})
    # A compressed response could not be resumed.
    request.add_header("Accept-Encoding", "identity")
    for name, value in headers.items():
        request.add_header(name, value)
    if token and _is_safe_for_secrets(url):
        request.add_unredirected_header("Authorization", f"Bearer {token}")
    try:
        opener = urllib.request.build_opener(_SafeRedirects)
        return cast(HTTPResponse, opener.open(request, timeout=_TIMEOUT))
    except urllib.error.HTTPError as error:
        if error.code == 416:
            raise
        with error:
            raise error_for_status(error, signed_in=bool(token)) from None
    except (urllib.error.URLError, http.client.HTTPException, OSError, ValueError) as error:
        raise unreachable(error, url) from error


def origin_of(url: str) -> tuple[str, str, int | None]:
    """Return scheme, host and port of an address."""
    parts = urllib.parse.urlsplit(url)
    default = {"http": 80, "https": 443}.get(parts.scheme)
    return parts.scheme, parts.hostname or "", parts.port or default


def _is_safe_for_secrets(url: str) -> bool:
    scheme, host, _ = origin_of(url)
    return scheme == "https" or is_this_machine(host)


class _SafeRedirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects, but not from https to http, and takes the token only to the same host."""

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
                detail=shown_url(newurl),
            )
        redirected = super().redirect_request(req, fp, code, msg, headers, newurl)
        secret = req.unredirected_hdrs.get("Authorization")
        if redirected is not None and secret and origin_of(newurl) == origin_of(req.full_url):
            redirected.add_unredirected_header("Authorization", secret)
        return redirected
