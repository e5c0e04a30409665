"""An operation in a process of its own, killed in front of its n-th step on the disk."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

from tests.crash import shim
from tests.crash.checker import contradictions
from tests.crash.known import KNOWN
from tests.crash.operations import Operation, made


class Template:
    """The library that an operation begins with, made once and copied for every visit."""

    def __init__(self, operation: Operation, place: Path) -> None:
        self.operation = operation
        self._whole = place / "whole"
        self._tried = place / "tried"
        # Made where it is used: it holds absolute paths.
        self._tried.mkdir(parents=True)
        operation.prepare(self._tried)
        shutil.copytree(self._tried, self._whole)

    def points(self) -> list[str]:
        """Return the steps of the operation where nothing ends it: so many points are there."""
        place, told = self._copied(), self._tried.with_name("steps")

        def run() -> None:
            counter = shim.install(place, None)
            self.operation.run(place)
            seen = list(counter.seen)
            told.write_text("\n".join(seen), "utf-8")

        status = _in_child(run)
        assert status == 0, f"{self.operation.name} failed by itself: {status}"
        wrong = self._wrong(place)
        assert not wrong, f"{self.operation.name} without a crash: {wrong}"
        return told.read_text("utf-8").splitlines()

    def visit(self, point: int) -> list[str]:
        """Kill the operation at a point and return what is wrong with the library then."""
        place = self._copied()

        def run() -> None:
            shim.install(place, point)
            self.operation.run(place)

        status = _in_child(run)
        # Names are random, so that another order of the steps may end it one step earlier.
        assert status in (0, -signal.SIGKILL), f"{self.operation.name} failed: {status}"
        return self._wrong(place)

    def _copied(self) -> Path:
        shutil.rmtree(self._tried, ignore_errors=True)
        shutil.copytree(self._whole, self._tried)
        return self._tried

    def _wrong(self, place: Path) -> list[str]:
        try:
            if self.operation.repeat is not None:
                self.operation.repeat(place)
            return [*contradictions(made(place)), *self.operation.check(place)]
        except Exception as error:
            return [f"an error afterwards: {type(error).__name__}: {error}"]


def known_reason(operation: str, said: str) -> str | None:
    """Return why a contradiction is no news, None where it is."""
    for known in KNOWN:
        if known.matches(operation, said):
            return known.reason
    return None


def _in_child(run: Callable[[], None]) -> int:
    """Do something in a fork of this process. Returns its exit status, -9 where it was killed."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            run()
            status = 0
        except BaseException:
            import traceback

            traceback.print_exc()
        finally:
            os._exit(status)
    _, ended = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(ended)
