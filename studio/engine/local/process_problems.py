"""What to tell about an engine process that did not start, exited or sent nonsense."""

from __future__ import annotations

import signal
from pathlib import Path

from studio.engine.local.child_process import EngineProcess
from studio.protocol import Problem, sentence


def start_problem(engine: EngineProcess) -> Problem:
    """Return the problem of a process that could not be started."""
    return Problem(
        "engine_crashed",
        sentence(
            "The engine could not be started: {error}. Close other programs and try again.",
            error=engine.error,
        ),
        repr(engine.error),
    )


def invalid_message_problem(error: Exception) -> Problem:
    """Return the problem of a process that sent bytes that are no event."""
    return Problem(
        "bug",
        sentence(
            "The engine sent an invalid message and was stopped. It restarts with the next"
            " job. Please report this with the details."
        ),
        repr(error),
    )


def restarted_problem() -> Problem:
    """Return the problem of a command whose process was ended by `Engine.restart`."""
    return Problem("engine_restarted", sentence("The engine was restarted. Try again."))


def exit_problem(engine: EngineProcess, log_file: Path) -> Problem:
    """Return the problem of a process that exited while a command was running."""
    code = engine.exit_code
    detail = f"exit status {code}\n{engine.log_tail()}"
    if code == -9:
        message = sentence(
            "The engine was stopped by the system, probably because it ran out of memory."
            " Close other programs or choose a smaller model or size, then try again."
        )
    elif code is not None and code < 0:
        message = sentence(
            "The engine crashed ({reason}). It restarts with the next job. Details are in {path}.",
            reason=_signal_name(-code),
            path=log_file,
        )
    else:
        message = sentence(
            "The engine exited unexpectedly. It restarts with the next job. Details are in {path}.",
            path=log_file,
        )
    return Problem("engine_crashed", message, detail)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)
