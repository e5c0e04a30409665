"""Who may use the server: programs on this machine that know its token, and no web page.

A page in a browser can send requests to this machine, also under a name that its owner resolves
to 127.0.0.1 (DNS rebinding). So the host must be this machine's, a page's origin is refused, and
no CORS header is ever sent.
"""

from __future__ import annotations

import hmac

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from studio.protocol import sentence
from studio.serve.errors import ApiError

_HOSTS = frozenset({"127.0.0.1", "localhost", "[::1]"})
_PAGES = ("http://", "https://", "null")


class Guard:
    """Passes on only requests that are allowed."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._token = token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        refusal = self._refusal(Headers(scope=scope))
        if refusal is None:
            await self._app(scope, receive, send)
        else:
            await refusal.response()(scope, receive, send)

    def _refusal(self, headers: Headers) -> ApiError | None:
        host, colon, port = headers.get("host", "").lower().rpartition(":")
        if not colon or not port.isdecimal():
            host = headers.get("host", "").lower()
        if host not in _HOSTS:
            return ApiError(
                403,
                sentence(
                    "Only requests to this machine are answered. Use http://127.0.0.1 as the "
                    "address."
                ),
                code="wrong_host",
            )
        if headers.get("origin", "").lower().startswith(_PAGES):
            return ApiError(
                403, sentence("Web pages may not use this server."), code="wrong_origin"
            )
        scheme, _, given = headers.get("authorization", "").partition(" ")
        is_known = hmac.compare_digest(given.strip().encode(), self._token)
        if scheme.lower() != "bearer" or not is_known:
            return ApiError(
                401,
                sentence(
                    "The token is missing or wrong. Give the one that `studio serve` shows as the "
                    "API key."
                ),
                code="invalid_api_key",
            )
        return None
