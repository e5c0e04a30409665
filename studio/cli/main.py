"""`studio`: open the window, or run a command."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from studio.cli.exit_status import DONE, INTERRUPTED, SOME_FAILED, USAGE_ERROR
from studio.cli.terminal import has_lost_output, prepare_streams

if TYPE_CHECKING:
    import argparse

    from studio.cli.argument_parser import UsageError


def run(arguments: Sequence[str], open_window: Callable[[], int]) -> int:
    """Run one command and return the exit status; without a command open the window."""
    prepare_streams()
    from studio.protocol import ProblemError

    try:
        status = _run_or_open(arguments, open_window)
    except ProblemError as error:
        from studio.cli.language import translated

        print(f"studio: {translated(error.problem.message)}", file=sys.stderr)
        return USAGE_ERROR
    except SystemExit as ended:  # `--help`
        status = ended.code if isinstance(ended.code, int) else DONE
    return SOME_FAILED if status == DONE and has_lost_output() else status


def _run_or_open(arguments: Sequence[str], open_window: Callable[[], int]) -> int:
    if not arguments:
        if _has_display():
            _check_current_folder()
            return open_window()
        from studio.cli.language import tr

        message = tr(
            "No display was found, so the window cannot open. `studio --help` lists the commands"
            " that work without one."
        )
        print(message, file=sys.stderr)
        return USAGE_ERROR
    # Not at the top: the window would wait for modules that it does not need.
    from studio.cli.argument_parser import UsageError
    from studio.cli.commands import parser
    from studio.cli.language import choose_language
    from studio.cli.output import print_usage_error
    from studio.protocol import ProblemError

    choose_language(_language_in(arguments))
    try:
        options = parser().parse(arguments)
    except UsageError as error:
        return _refused(error, arguments)
    try:
        _check_current_folder()
        if options.command != "doctor":
            _check_settings()
        return _run(options)
    except ProblemError as error:
        as_json = getattr(options, "json", False) and _prints_events(options.command)
        found = error.problem
        print_usage_error(options.command, found.message, as_json=as_json, kind=found.kind)
        return USAGE_ERROR
    except KeyboardInterrupt:
        return INTERRUPTED


def _check_current_folder() -> None:
    """Raise `ProblemError` if the current folder was deleted: no process can be started in it."""
    from studio.protocol import problem

    try:
        os.getcwd()  # noqa: PTH109 a path would be made of it first
    except OSError as error:
        raise problem(
            "bad_input",
            "The current folder no longer exists. Change to another one and try again.",
            str(error),
        ) from error


def _check_settings() -> None:
    """Say what is wrong with the settings file.

    Raises `ProblemError` if it is not known where the library is.
    """
    from studio.cli.language import translated
    from studio.protocol import ProblemError
    from studio.settings import default_paths, load_settings

    settings, found = load_settings(default_paths().settings)
    if found is not None and settings.is_unknown:
        raise ProblemError(found)
    if found is not None:
        print(f"studio: {translated(found.message)}", file=sys.stderr)


def _language_in(arguments: Sequence[str]) -> str:
    """Return the language that `--language` names before the command, "" if it is not valid.

    It is needed before the arguments are parsed: their help and errors are in this language.
    """
    from studio.cli.language import LANGUAGES

    found = ""
    for argument, following in zip(arguments, [*arguments[1:], ""], strict=True):
        name, equals, value = argument.partition("=")
        if name == "--language":
            found = value if equals else following
        elif not argument.startswith("-"):
            break
    return found if found in LANGUAGES else ""


def _prints_events(command: str) -> bool:
    """Return whether `--json` of a command prints the events of jobs."""
    from studio.kinds.registry import tasks

    return command in (*tasks(), "batch", "storyboard")


def _run(options: argparse.Namespace) -> int:
    from studio.kinds.registry import tasks

    if options.command in tasks():
        from studio.cli.generate import generate

        return generate(options)
    match options.command:
        case "models":
            from studio.cli.models import models

            return models(options)
        case "batch":
            from studio.cli.batch import batch

            return batch(options)
        case "storyboard":
            from studio.cli.storyboard import storyboard

            return storyboard(options)
        case "write":
            from studio.cli.write import write

            return write(options)
        case "documents":
            from studio.cli.documents import documents

            return documents(options)
        case "queue":
            from studio.cli.queue import queue

            return queue(options)
        case "library":
            from studio.cli.library import library

            return library(options)
        case "serve":
            from studio.cli.serve import serve

            return serve(options)
        case "doctor":
            from studio.cli.doctor import doctor

            return doctor()
    return USAGE_ERROR


def _has_display() -> bool:
    if sys.platform in ("win32", "darwin") or os.environ.get("QT_QPA_PLATFORM"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _refused(error: UsageError, arguments: Sequence[str]) -> int:
    from studio.cli.output import print_usage_error
    from studio.protocol import sentence

    command = error.program.removeprefix("studio").strip()
    prints_events = _prints_events(command.partition(" ")[0]) or "--form" in arguments
    as_json = "--json" in arguments and prints_events
    message = sentence(
        "{problem} See {command} --help.", problem=error.message, command=error.program
    )
    print_usage_error(command, message, as_json=as_json)
    return USAGE_ERROR
