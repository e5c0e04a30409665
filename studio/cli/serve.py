"""`studio serve`: a server for other programs on this machine, until Ctrl+C."""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import FrameType

from studio.cli.exit_status import DONE, INTERRUPTED
from studio.cli.folders import library_folder
from studio.cli.language import tr
from studio.engine.factory import make_engines
from studio.jobs.lanes import stop_engines
from studio.library.recipes.aigc_setting import label_from_settings
from studio.library.store import Library
from studio.models.registry import Registry
from studio.protocol import ProblemError, problem
from studio.serve.access_token import is_token, kept_token
from studio.serve.application import application
from studio.serve.job_board import JobBoard
from studio.serve.passing_library import passing_library
from studio.serve.server import Server
from studio.settings import Paths, default_paths, load_settings, sweep_state

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def serve(options: argparse.Namespace) -> int:
    """Serve until Ctrl+C or SIGTERM; return the exit status. Raises `ProblemError`."""
    paths = default_paths()
    token = _token(options, paths)
    registry = Registry(paths, waits_for_writers=True)
    sweep_state(paths)
    with ExitStack() as stack:
        is_stopped = stack.enter_context(_until_signal())
        library = stack.enter_context(_library(paths, keeps=options.keep))
        library.label = label_from_settings(load_settings(paths.settings)[0])
        engines = make_engines(logs=paths.logs, cache=paths.cache)
        stack.callback(stop_engines, engines)
        board = JobBoard(library, engines, registry, keeps=options.keep)
        server = stack.enter_context(Server(application(board, registry, token), options.port))
        board.start()
        # Before the server: its clients learn how their jobs ended.
        stack.callback(board.close)
        _announce(server, token, options, library)
        server.wait(is_stopped)
        print(tr("Stopping …"), file=sys.stderr, flush=True)
    return INTERRUPTED if is_stopped.is_set() else DONE


def _announce(server: Server, token: str, options: argparse.Namespace, library: Library) -> None:
    print(tr("Address: {address}", address=server.address))
    print(tr("API key: {token}", token=token))
    print(
        tr("Results are kept in the library {path}.", path=library.root)
        if options.keep
        else tr("Results are kept nowhere (--keep keeps them).")
    )
    print(tr("Ctrl+C stops the server."), flush=True)


def _token(options: argparse.Namespace, paths: Paths) -> str:
    if options.token is None:
        return kept_token(paths.settings.with_name("serve_token"), is_new=options.new_token)
    if not is_token(options.token):
        raise problem(
            "bad_input",
            "This token cannot be used: it must have 16 to 512 visible ASCII characters, without "
            "spaces.",
        )
    return str(options.token)


@contextmanager
def _library(paths: Paths, *, keeps: bool) -> Iterator[Library]:
    """Open the user's library, or one that is deleted at the end; close it. Raises."""
    if not keeps:
        with passing_library(paths.cache) as library, contextlib.closing(library):
            yield library
        return
    library = Library.open(library_folder(paths), run_queue=False)
    with contextlib.closing(library):
        if library.is_read_only and library.notice is not None:
            raise ProblemError(library.notice)
        yield library


@contextmanager
def _until_signal() -> Iterator[threading.Event]:
    """Yield an event that Ctrl+C sets; the second Ctrl+C ends the program at once."""
    is_stopped = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        if is_stopped.is_set():
            raise KeyboardInterrupt
        is_stopped.set()

    before = {number: signal.signal(number, stop) for number in _SIGNALS}
    try:
        yield is_stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
