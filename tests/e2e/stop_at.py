"""`studio` as usual, except that it stops itself (SIGSTOP) right after an event was printed.

`python -m tests.e2e.stop_at "asset:3 text:2" ARGUMENTS…` stops after the third `asset` event and
the second `text` event that follows it. A test that reads events and stops the process from
outside cannot do that: the process goes on until the signal arrives.
"""

from __future__ import annotations

import json
import os
import signal
import sys

from studio.__main__ import main
from studio.cli.terminal import OutputStream


class Moment:
    """A point in a sequence of events: so many of one name, then so many of the next."""

    def __init__(self, text: str) -> None:
        self._steps = [(name, int(times)) for name, times in (x.split(":") for x in text.split())]

    def reached_by(self, line: str) -> bool:
        """Count one line of JSON; return whether it is the one at which the moment is reached."""
        if not self._steps:
            return False
        name, times = self._steps[0]
        if json.loads(line)["event"] == name:
            times -= 1
            self._steps[:1] = [(name, times)] if times else []
        return not self._steps


class StoppingOutput(OutputStream):
    """Standard output that stops the process once a moment is reached."""

    def stop_at(self, moment: Moment) -> None:
        """Stop after the line that reaches `moment`."""
        self._moment = moment

    def write(self, text: str, /) -> int:
        written = super().write(text)
        self.flush()
        if self._moment.reached_by(text):
            os.kill(os.getpid(), signal.SIGSTOP)
        return written


if __name__ == "__main__":
    output = StoppingOutput(sys.stdout.fileno())
    output.stop_at(Moment(sys.argv.pop(1)))
    sys.stdout = output
    main()
