"""A second start of the app asks the open window of the same home to come to the front."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QDeadlineTimer, QObject, QThread
from PySide6.QtNetwork import QLocalServer, QLocalSocket

ANSWER_MS = 3000
"""How long the open window has to answer."""

_SHOW = b"show\n"
_SHOWN = b"shown\n"
_PAUSE_MS = 50
_BUFFER = 64


class WindowServer(QObject):
    """Calls `show` when another start of the app asks for it, and answers afterwards."""

    def __init__(self, name: str, show: Callable[[], object], parent: QObject) -> None:
        super().__init__(parent)
        self._show = show
        self._server = QLocalServer(self)
        self._server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        self._server.newConnection.connect(self._connected)
        if not self._server.listen(name):
            # The socket of a window that was killed; the window lock says that it is gone.
            QLocalServer.removeServer(name)
            self._server.listen(name)

    def close(self) -> None:
        """Stop listening."""
        self._server.close()

    def _connected(self) -> None:
        while (socket := self._server.nextPendingConnection()) is not None:
            socket.setReadBufferSize(_BUFFER)
            socket.readyRead.connect(lambda socket=socket: self._read(socket))
            socket.disconnected.connect(socket.deleteLater)
            self._read(socket)

    def _read(self, socket: QLocalSocket) -> None:
        while socket.canReadLine():
            if bytes(socket.readLine(len(_SHOW) + 1).data()) == _SHOW:
                self._show()
                socket.write(_SHOWN)
                socket.flush()
            else:
                socket.abort()


def show_open_window(name: str, limit_ms: int = ANSWER_MS) -> bool:
    """Bring the open window to the front. Returns whether it answered in time."""
    deadline = QDeadlineTimer(limit_ms)
    while not deadline.hasExpired():
        socket = QLocalSocket()
        socket.connectToServer(name)
        if socket.waitForConnected(_left(deadline)):
            socket.write(_SHOW)
            answer = b""
            while len(answer) < len(_SHOWN) and socket.waitForReadyRead(_left(deadline)):
                answer += bytes(socket.readAll().data())
            if answer == _SHOWN:
                return True
        socket.abort()
        # The window may have just started, and not listen yet.
        QThread.msleep(min(_PAUSE_MS, _left(deadline)))
    return False


def _left(deadline: QDeadlineTimer) -> int:
    return max(1, deadline.remainingTime())
