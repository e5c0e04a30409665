"""Standard output and error: UTF-8, never in the way of a job, safe on a terminal.

Prompts, answers, file names and errors may contain sequences that a terminal obeys: they can
change its title, hide or fake lines, or write to its clipboard. On a terminal each control
character is shown as an escape such as `\\u001b`, which JSON reads back as the same character.
Files and pipes get every byte as it is.

A job does not end because its output cannot be written (a full disk, a closed stream): that is
said once on standard error, and the exit status is not 0.
"""

from __future__ import annotations

import io
import os
import re
import sys
from pathlib import Path
from typing import TextIO

# C0 and C1, but for tab and line feed, and what reverses the direction of text.
_CONTROLS = re.compile("[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\u202a-\\u202e\\u2066-\\u2069]")


_CLOSED = "closed"


def visible(text: str) -> str:
    """Return a text with its control characters as escapes."""
    if text.isascii() and text.isprintable():
        return text
    return _CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", text.replace("\r\n", "\n"))


class OutputStream(io.TextIOWrapper):
    """Standard output or error. It never raises: what cannot be written is discarded.

    `missing` says that the stream was closed when the program was started. On a terminal, control
    characters are shown instead of sent.
    """

    def __init__(self, descriptor: int, *, missing: bool = False) -> None:
        # A buffer of its own: closing one of another stream would close that too.
        buffer = open(descriptor, "wb", closefd=False)  # noqa: SIM115 stays open
        super().__init__(buffer, encoding="utf-8", errors="replace", line_buffering=True)
        self.problem = _CLOSED if missing else ""
        """Why something that was written has been lost, "" if nothing has."""
        self._is_terminal = self.isatty()
        self._is_lost = False

    def write(self, text: str, /) -> int:
        self._write(visible(text) if self._is_terminal else text)
        return len(text)

    def flush(self) -> None:
        try:
            super().flush()
        except OSError as error:
            self._discard(error)

    def return_to_start(self) -> None:
        """Move to the start of the line, to write over it."""
        self._write("\r")

    def _write(self, text: str) -> None:
        if self.problem and not self._is_lost:
            self._say()
        try:
            super().write(text)
        except OSError as error:
            self._discard(error)

    def _discard(self, error: OSError) -> None:
        """Discard this output and all that follows, and say why, once."""
        # What is still in the buffer goes there too, also when the program exits.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.fileno())
        os.close(nowhere)
        # A reader that closes the pipe, as `head` does, wants no more.
        if not isinstance(error, BrokenPipeError) and not self._is_lost:
            self.problem = error.strerror or type(error).__name__
            self._say()

    def _say(self) -> None:
        self._is_lost = True
        if self is not sys.stderr:
            from studio.cli.language import tr  # asks the settings
            from studio.protocol import sentence

            message = tr(
                "Standard output cannot be written ({reason}), so nothing more is printed. Jobs run"
                " to their end, and their results are kept.",
                reason=sentence("it is closed") if self.problem == _CLOSED else self.problem,
            )
            print(f"studio: {message}", file=sys.stderr)

    @property
    def has_lost(self) -> bool:
        """Whether output could not be written, for another reason than that nobody reads it."""
        return self._is_lost


def prepare_streams() -> None:
    """Make standard output and error UTF-8, safe on a terminal, and unable to raise.

    They are UTF-8 on all platforms, since scripts read the output in any language.
    """
    # Python would write its own colours in help and tracebacks.
    os.environ.setdefault("PYTHON_COLORS", "0")
    closed = _fill_closed()
    if sys.stdin is None:
        sys.stdin = Path(os.devnull).open(encoding="utf-8")  # noqa: SIM115 stays open
    for number, name in ((2, "stderr"), (1, "stdout")):
        stream = getattr(sys, name)
        if stream is None or (stream is getattr(sys, f"__{name}__") and _has_descriptor(stream)):
            if stream is not None:
                stream.flush()
                number = stream.fileno()
            setattr(sys, name, OutputStream(number, missing=number in closed))
        elif isinstance(stream, io.TextIOWrapper) and not isinstance(stream, OutputStream):
            # Put here by somebody else, such as a test.
            stream.reconfigure(encoding="utf-8", errors="replace", line_buffering=True)


def _has_descriptor(stream: TextIO) -> bool:
    try:
        stream.fileno()
    except (AttributeError, OSError, ValueError):
        return False
    return True


def _fill_closed() -> frozenset[int]:
    """Open the null device as each standard stream that is closed, and return their numbers.

    Otherwise the next file that is opened would get the number, and what is printed by libraries.
    """
    closed = set()
    for number in range(3) if os.name != "nt" else ():
        try:
            os.fstat(number)
        except OSError:
            closed.add(os.open(os.devnull, os.O_RDWR))
    return frozenset(closed)


def has_lost_output() -> bool:
    """Return whether standard output could not be written."""
    sys.stdout.flush()
    return isinstance(sys.stdout, OutputStream) and sys.stdout.has_lost


def write_over(text: str) -> None:
    """Write from the start of the current line of standard error."""
    if isinstance(sys.stderr, OutputStream):
        sys.stderr.return_to_start()
    else:
        sys.stderr.write("\r")
    sys.stderr.write(text)
    sys.stderr.flush()
