"""The server while it runs: its sockets, its thread, and its end."""

from __future__ import annotations

import asyncio
import socket
import sys
import threading
from types import TracebackType

import uvicorn

from studio.protocol import problem
from studio.serve.access import Guard

HOST = "127.0.0.1"
_HOST_6 = "::1"
_STOP_SECONDS = 5.0
_POLL_SECONDS = 0.1


class Server:
    """Answers requests on a thread of its own, from the start of the block to its end.

    Only this machine can reach it. Raises `ProblemError` if the port is in use.
    """

    def __init__(self, app: Guard, port: int) -> None:
        self._sockets = _listening(port)
        self.port: int = self._sockets[0].getsockname()[1]
        config = uvicorn.Config(
            app,
            http="h11",
            ws="none",
            loop="asyncio",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=int(_STOP_SECONDS),
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run, name="serve-http")

    @property
    def address(self) -> str:
        """The base address for clients."""
        return f"http://{HOST}:{self.port}/v1"

    def __enter__(self) -> Server:
        self._thread.start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _where: TracebackType | None,
    ) -> None:
        self._server.should_exit = True
        self._thread.join(2 * _STOP_SECONDS)
        for each in self._sockets:
            each.close()

    def wait(self, is_stopped: threading.Event) -> None:
        """Wait until the event is set or the server has ended."""
        # Not without a limit: on Windows, Ctrl+C would not be noticed.
        while self._thread.is_alive() and not is_stopped.wait(_POLL_SECONDS):
            pass

    def _run(self) -> None:
        asyncio.run(self._server.serve(self._sockets))


def _listening(port: int) -> list[socket.socket]:
    """Return sockets that listen on this machine's own addresses."""
    try:
        first = _bound(socket.AF_INET, HOST, port)
    except (OSError, OverflowError) as error:
        raise problem(
            "bad_input",
            "The port {port} cannot be used: {reason}. Another program may use it. Choose another "
            "with --port.",
            port=port,
            reason=getattr(error, "strerror", "") or type(error).__name__,
        ) from error
    try:
        # Some clients try this one first for "localhost".
        return [first, _bound(socket.AF_INET6, _HOST_6, first.getsockname()[1])]
    except OSError:
        return [first]


def _bound(family: socket.AddressFamily, host: str, port: int) -> socket.socket:
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        if sys.platform == "win32":
            # There, another program could listen on the same port otherwise.
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family is socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        bound.bind((host, port))
        bound.listen(128)
    except BaseException:
        bound.close()
        raise
    return bound
