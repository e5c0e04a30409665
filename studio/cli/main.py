"""`studio`: which command was called, and what its options are."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence

from studio import __version__
from studio.cli.argument_parser import Parser, UsageError
from studio.cli.exit_status import DONE, INTERRUPTED, USAGE_ERROR
from studio.cli.request_options import add_options
from studio.kinds.registry import kinds, tasks


def run(arguments: Sequence[str], open_window: Callable[[], int]) -> int:
    """Run one command and return the exit status; without a command open the window."""
    if not arguments:
        if _has_display():
            return open_window()
        print(
            "No display was found, so the window cannot open. `studio --help` shows what works"
            " without one.",
            file=sys.stderr,
        )
        return USAGE_ERROR
    _use_utf8()
    try:
        options = parser().parse(arguments)
    except UsageError as error:
        return _refused(error, arguments)
    try:
        return _run(options)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read the output has enough of it, as `head` does.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE


def _run(options: argparse.Namespace) -> int:
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
        case "queue":
            from studio.cli.queue import queue

            return queue(options)
        case "library":
            from studio.cli.library import library

            return library(options)
        case "doctor":
            from studio.cli.doctor import doctor

            return doctor()
    return USAGE_ERROR


def _has_display() -> bool:
    if sys.platform in ("win32", "darwin") or os.environ.get("QT_QPA_PLATFORM"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _use_utf8() -> None:
    """Write UTF-8 everywhere: scripts read it, and prompts may be in any language."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="replace", line_buffering=True)


def _refused(error: UsageError, arguments: Sequence[str]) -> int:
    from studio.cli.output import print_usage_error

    as_json = "--json" in arguments and arguments[0] in (*tasks(), "batch")
    command = error.program.removeprefix("studio").strip()
    print_usage_error(command, f"{error} See {error.program} --help.", as_json=as_json)
    return USAGE_ERROR


def parser() -> Parser:
    """Return the parser of all commands."""
    top = Parser(
        prog="studio",
        description="Prompt Studio: text, images and larger pictures with models on your own"
        " machine. Without a command it opens the window.",
    )
    top.add_argument("--version", action="version", version=f"Prompt Studio {__version__}")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for task, kind in kinds().items():
        command = commands.add_parser(task, help=kind.summary)
        add_options(command, kind)
        _common(command)
    _models(commands.add_parser("models", help="list, add, remove and check models"))
    _batch(commands.add_parser("batch", help="run a table of requests, one a row"))
    _queue(commands.add_parser("queue", help="what waits; pause, resume, cancel, retry, move"))
    _library(commands.add_parser("library", help="search, show, export and rebuild"))
    commands.add_parser("doctor", help="what this machine can do, and what is missing")
    return top


def _common(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "-o", dest="output", default="", metavar="DIR", help="write here, not into the library"
    )
    command.add_argument("--json", action="store_true", help="print one JSON event a line")


def _models(command: argparse.ArgumentParser) -> None:
    actions = command.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, text, argument in (
        ("list", "what is there", ""),
        ("add", "add a folder or a file; it is used where it lies", "PATH"),
        ("remove", "forget a model; its files stay", "ID"),
        ("verify", "check a model's files, or those of all models", "[ID]"),
        ("starter", "install what is missing of the starter pack", ""),
    ):
        action = actions.add_parser(name, help=text)
        if argument == "PATH":
            action.add_argument("path", metavar="PATH")
        elif argument == "ID":
            action.add_argument("id", metavar="ID")
        elif argument:
            action.add_argument("id", metavar="ID", nargs="?", default="")
        action.add_argument("--json", action="store_true", help="print JSON")


def _batch(command: argparse.ArgumentParser) -> None:
    command.description = (
        f"Run a CSV or JSONL table. Column `task` says {', '.join(tasks())}; a column with a"
        " field's name fills it (prompt, seed, count, model, width, steps, input, scale, …); all"
        " others are kept as labels. {{column}} in a prompt stands for that column's cell."
    )
    command.add_argument("file", metavar="FILE", help="a .csv or .jsonl file")
    command.add_argument("--resume", action="store_true", help="run only what is missing")
    command.add_argument(
        "-o", dest="output", default="", metavar="DIR", help="write here, with results.csv"
    )
    command.add_argument("--json", action="store_true", help="print one JSON event a line")


def _queue(command: argparse.ArgumentParser) -> None:
    actions = command.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="what waits, runs, and ended last")
    listing.add_argument("--json", action="store_true", help="print JSON")
    actions.add_parser("pause", help="take no new job after the current one")
    resume = actions.add_parser("resume", help="go on, with what a crash interrupted too")
    resume.add_argument("id", metavar="ID", nargs="?", default="", help="only this interrupted job")
    resume.add_argument("--json", action="store_true", help="print one JSON event a line")
    cancel = actions.add_parser("cancel", help="cancel a job that waits, or many")
    which = cancel.add_mutually_exclusive_group(required=True)
    which.add_argument("id", metavar="ID", nargs="?", default="")
    which.add_argument("--waiting", action="store_true", help="all that wait")
    which.add_argument("--all", action="store_true", help="all that wait or were interrupted")
    retry = actions.add_parser("retry", help="let a job that ended wait again, as a new one")
    which = retry.add_mutually_exclusive_group(required=True)
    which.add_argument("id", metavar="ID", nargs="?", default="")
    which.add_argument("--failed", action="store_true", help="all that failed and were not retried")
    move = actions.add_parser("move", help="change a waiting job's turn; by itself, to the end")
    move.add_argument("id", metavar="ID")
    where = move.add_mutually_exclusive_group()
    where.add_argument("--before", default="", metavar="ID", help="in front of this waiting job")
    where.add_argument("--first", action="store_true", help="in front of all others")
    duplicate = actions.add_parser("duplicate", help="the same request and seed once more")
    duplicate.add_argument("id", metavar="ID")


def _library(command: argparse.ArgumentParser) -> None:
    actions = command.add_subparsers(dest="action", metavar="ACTION", required=True)
    search = actions.add_parser(
        "search", help="find results by prompt, answer, tag, collection or name"
    )
    search.add_argument("words", metavar="TEXT", nargs="?", default="")
    search.add_argument("--task", choices=tasks(), default=None)
    search.add_argument("--model", default="", metavar="ID")
    search.add_argument(
        "--tag", action="append", default=[], metavar="TAG", help="may be given several times"
    )
    search.add_argument("--collection", default="", metavar="NAME")
    search.add_argument(
        "--label",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="may be given several times",
    )
    search.add_argument("--starred", action="store_true")
    search.add_argument("--since", default="", metavar="DATE", help="made on this day or later")
    search.add_argument(
        "--until", default="", metavar="DATE", help="made on this day or earlier, e.g. 2026-01-31"
    )
    search.add_argument("--limit", type=int, default=200, metavar="N", help="at most (200)")
    show = actions.add_parser("show", help="a result and its recipe")
    show.add_argument("id", metavar="ID")
    export = actions.add_parser("export", help="copy results, with their recipes in a table")
    export.add_argument("ids", metavar="ID", nargs="+")
    export.add_argument("dir", metavar="DIR")
    export.add_argument(
        "--format", choices=("webp", "jpeg"), default="", help="convert pictures, recipe included"
    )
    export.add_argument(
        "--quality",
        type=int,
        default=None,
        metavar="N",
        help="1 to 100 (a WebP without it is lossless, a JPEG has 90)",
    )
    again = actions.add_parser("reproduce", help="make a result again: is it identical?")
    again.add_argument("id", metavar="ID")
    again.add_argument(
        "-o", dest="output", default="", metavar="DIR", help="write here, not into the library"
    )
    rebuild = actions.add_parser("rebuild", help="make the index agree with the files")
    actions.add_parser("path", help="where the library is")
    for action in (search, show, export, again, rebuild):
        action.add_argument("--json", action="store_true", help="print JSON")
