"""The commands of `studio` and their options."""

from __future__ import annotations

import argparse

from studio import __version__
from studio.cli.argument_parser import Parser, valid_text
from studio.cli.language import LANGUAGES, tr
from studio.cli.model_options import add_model_options
from studio.cli.request_options import add_document_options, add_embedder_option, add_options
from studio.cli.storyboard_options import add_storyboard_options
from studio.formats.sounds.lyrics import FORMATS, SUBTITLES
from studio.formats.text_encoding import ENCODINGS
from studio.kinds.kind import Medium
from studio.kinds.registry import AnyKind, kinds, tasks
from studio.library.review import STATES

DEFAULT_PORT = 5317
"""Of `studio serve`."""


def parser() -> Parser:
    """Return the parser of all commands."""
    top = Parser(
        prog="studio",
        description=tr(
            "Prompt Studio: generate text and images and upscale pictures with models on your own"
            " machine. Without a command, the window opens."
        ),
    )
    top.add_argument(
        "--version",
        action="version",
        version=f"Prompt Studio {__version__}",
        help=tr("show the version and exit"),
    )
    top.add_argument(
        "--language",
        choices=LANGUAGES,
        default="",
        help=tr("print in this language, by default that of the settings or the system"),
    )
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for task, kind in kinds().items():
        command = commands.add_parser(task, help=tr(kind.summary))
        add_options(command, kind)
        if kind.has_words:
            _written_words(command, kind)
        _common(command)
    add_model_options(
        commands.add_parser("models", help=tr("find, download, list, add, remove and check models"))
    )
    _batch(commands.add_parser("batch", help=tr("run a table with one request per row")))
    _write(
        commands.add_parser("write", help=tr("write with forms, check a text against its brief"))
    )
    _documents(
        commands.add_parser("documents", help=tr("search documents, and name folders of them"))
    )
    add_storyboard_options(
        commands.add_parser("storyboard", help=tr("make pictures, voices and a film of a script"))
    )
    _queue(
        commands.add_parser("queue", help=tr("list, pause, resume, cancel, retry and move jobs"))
    )
    _library(
        commands.add_parser(
            "library", help=tr("search, show, export, reproduce, check and rebuild results")
        )
    )
    _serve(
        commands.add_parser("serve", help=tr("let other programs on this machine use the models"))
    )
    commands.add_parser("doctor", help=tr("check this machine and the installation"))
    return top


def _written_words(command: argparse.ArgumentParser, kind: AnyKind) -> None:
    """Add the option that writes what is said beside the result."""
    if kind.medium is Medium.TEXT:
        command.add_argument(
            "--format",
            dest="subtitles",
            choices=tuple(FORMATS),
            default="",
            help=tr("also write the text, subtitles, or words with their times to the same folder"),
        )
    else:
        _subtitles(command)


def _subtitles(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--subtitles",
        choices=tuple(SUBTITLES),
        default="",
        help=tr("also write what is said, with the times, to the same folder"),
    )


def _common(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "-o",
        dest="output",
        default="",
        metavar="DIR",
        help=tr("write to this folder instead of the library"),
    )
    command.add_argument("--json", action="store_true", help=tr("print one JSON event per line"))


def _batch(command: argparse.ArgumentParser) -> None:
    command.description = tr(
        "Run a CSV, JSONL or xlsx table. The column `task` is one of {tasks}. Columns named like a"
        " field fill that field (prompt, seed, count, model, width, steps, input, scale, …); all"
        " others are kept as labels. {column} in a prompt is replaced by the row's value.",
        tasks=", ".join(tasks()),
        column="{column}",
    )
    command.add_argument("file", metavar="FILE", help=tr("a .csv, .tsv, .jsonl or .xlsx file"))
    command.add_argument("--resume", action="store_true", help=tr("run only the remaining rows"))
    command.add_argument(
        "--encoding",
        default="",
        metavar="NAME",
        help=tr(
            "read the table in this encoding ({names}, …; by default it is detected)",
            names=", ".join(ENCODINGS),
        ),
    )
    command.add_argument(
        "-o",
        dest="output",
        default="",
        metavar="DIR",
        help=tr("write results and results.csv to this folder"),
    )
    command.add_argument("--json", action="store_true", help=tr("print one JSON event per line"))


def _write(command: argparse.ArgumentParser) -> None:
    command.description = tr(
        "Write with forms, or check a text. --list shows the forms. --form fills one and writes:"
        " the results are checked as the form says, the exit status is 1 if one fails, and with"
        " --table it is filled once for each row. --check compares the figures, units, dates and"
        " names of a text with those of its brief: what is new or changed is printed, one finding"
        " a line, and the exit status is 1 if there is one; what the text leaves out is none."
    )
    which = command.add_mutually_exclusive_group(required=True)
    which.add_argument("--list", action="store_true", help=tr("list the forms, one a line"))
    which.add_argument(
        "--form", type=valid_text, default="", metavar="NAME", help=tr("e.g. ad-copy or zh/ad-copy")
    )
    which.add_argument(
        "--check", type=valid_text, default="", metavar="DRAFT", help=tr("the text to check")
    )
    command.add_argument(
        "--field",
        type=valid_text,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help=tr("the value of a field of the form, or @FILE; can be repeated"),
    )
    command.add_argument(
        "--brand",
        type=valid_text,
        default="",
        metavar="NAME",
        help=tr("a brand or glossary of the library's folder `brands`"),
    )
    command.add_argument(
        "-n", dest="count", type=int, default=None, metavar="N", help=tr("variations")
    )
    command.add_argument("--seed", type=int, default=None, metavar="S")
    command.add_argument("--model", type=valid_text, default=None, metavar="ID")
    command.add_argument("--max-tokens", type=int, default=None, metavar="N")
    command.add_argument(
        "--tries",
        type=int,
        default=1,
        metavar="N",
        help=tr(
            "write a result that fails its checks again, with what is wrong (at most N in all)"
        ),
    )
    command.add_argument(
        "--show",
        action="store_true",
        help=tr("print what the model would be asked, and run nothing"),
    )
    command.add_argument(
        "--table",
        type=valid_text,
        default="",
        metavar="FILE",
        help=tr(
            "fill the form for each row of a .csv, .tsv, .jsonl or .xlsx file; columns are fields"
        ),
    )
    command.add_argument("--resume", action="store_true", help=tr("run only the remaining rows"))
    command.add_argument(
        "--encoding", default="", metavar="NAME", help=tr("read the table in this encoding")
    )
    command.add_argument(
        "-o", dest="output", default="", metavar="DIR", help=tr("write to this folder")
    )
    command.add_argument(
        "--brief",
        type=valid_text,
        default="",
        metavar="BRIEF",
        help=tr("what a draft was made from"),
    )
    command.add_argument("--json", action="store_true", help=tr("print one JSON object per line"))


def _documents(command: argparse.ArgumentParser) -> None:
    actions = command.add_subparsers(dest="action", metavar="ACTION", required=True)
    add = actions.add_parser("add", help=tr("give a folder of documents a name, and read them"))
    add.add_argument("folder", type=valid_text, metavar="FOLDER")
    add.add_argument("--name", type=valid_text, default="", help=tr("by default the folder's own"))
    add_embedder_option(add)
    listing = actions.add_parser("list", help=tr("list the named folders, one a line"))
    listing.add_argument("--json", action="store_true", help=tr("print one JSON object per line"))
    remove = actions.add_parser("remove", help=tr("forget a named folder; its files stay"))
    remove.add_argument("name", type=valid_text, metavar="NAME")
    search = actions.add_parser("search", help=tr("print the passages that suit a question best"))
    search.add_argument("question", type=valid_text, metavar="QUESTION")
    add_document_options(search)
    search.add_argument(
        "-n", dest="count", type=int, default=5, metavar="N", help=tr("passages at most")
    )
    search.add_argument("--json", action="store_true", help=tr("print one JSON object per line"))


def _queue(command: argparse.ArgumentParser) -> None:
    actions = command.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help=tr("list waiting, running and recent jobs"))
    listing.add_argument("--json", action="store_true", help=tr("print JSON"))
    actions.add_parser("pause", help=tr("start no new job after the current one"))
    resume = actions.add_parser("resume", help=tr("resume the queue and interrupted jobs"))
    resume.add_argument(
        "id",
        type=valid_text,
        metavar="ID",
        nargs="?",
        default="",
        help=tr("only this interrupted job"),
    )
    resume.add_argument("--json", action="store_true", help=tr("print one JSON event per line"))
    cancel = actions.add_parser("cancel", help=tr("cancel waiting jobs"))
    which = cancel.add_mutually_exclusive_group(required=True)
    which.add_argument("id", type=valid_text, metavar="ID", nargs="?", default="")
    which.add_argument("--waiting", action="store_true", help=tr("all waiting jobs"))
    which.add_argument("--all", action="store_true", help=tr("all waiting and interrupted jobs"))
    retry = actions.add_parser("retry", help=tr("enqueue a job again that has ended"))
    which = retry.add_mutually_exclusive_group(required=True)
    which.add_argument("id", type=valid_text, metavar="ID", nargs="?", default="")
    which.add_argument("--failed", action="store_true", help=tr("all failed jobs not retried yet"))
    move = actions.add_parser("move", help=tr("move a waiting job, by default to the end"))
    move.add_argument("id", type=valid_text, metavar="ID")
    where = move.add_mutually_exclusive_group()
    where.add_argument(
        "--before", type=valid_text, default="", metavar="ID", help=tr("before this waiting job")
    )
    where.add_argument("--first", action="store_true", help=tr("before all others"))
    duplicate = actions.add_parser("duplicate", help=tr("enqueue the same request and seed again"))
    duplicate.add_argument("id", type=valid_text, metavar="ID")


def _serve(command: argparse.ArgumentParser) -> None:
    command.description = tr(
        "Answer requests of editors and scripts on this machine in the format of OpenAI's"
        " interface: chat completions, images and the list of models. Nothing else can reach it,"
        " and every request needs the token that is shown at the start. Stop it with Ctrl+C."
    )
    command.add_argument(
        "--port",
        type=int,
        default=DEFAULT_PORT,
        metavar="N",
        help=tr(
            "the port to listen on (default {port}; 0 for any that is free)", port=DEFAULT_PORT
        ),
    )
    command.add_argument(
        "--keep",
        action="store_true",
        help=tr("keep requests and results in the library, like those of the window"),
    )
    which = command.add_mutually_exclusive_group()
    which.add_argument(
        "--token",
        type=valid_text,
        default=None,
        metavar="TOKEN",
        help=tr("use this token, this time, instead of the one made at the first start"),
    )
    which.add_argument(
        "--new-token",
        action="store_true",
        help=tr("make a new token; the old one is no longer valid"),
    )


def _library(command: argparse.ArgumentParser) -> None:
    actions = command.add_subparsers(dest="action", metavar="ACTION", required=True)
    search = actions.add_parser(
        "search", help=tr("find results by prompt, answer, tag, collection or name")
    )
    search.add_argument("words", type=valid_text, metavar="TEXT", nargs="?", default="")
    search.add_argument("--task", choices=tasks(), default=None)
    search.add_argument("--model", type=valid_text, default="", metavar="ID")
    search.add_argument(
        "--tag",
        type=valid_text,
        action="append",
        default=[],
        metavar="TAG",
        help=tr("can be repeated"),
    )
    search.add_argument("--collection", type=valid_text, default="", metavar="NAME")
    search.add_argument(
        "--label",
        type=valid_text,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help=tr("can be repeated"),
    )
    search.add_argument("--starred", action="store_true")
    search.add_argument("--review", choices=STATES, default="", help=tr("in this state of review"))
    search.add_argument("--since", default="", metavar="DATE", help=tr("made on this day or later"))
    search.add_argument(
        "--until",
        default="",
        metavar="DATE",
        help=tr("made on this day or earlier, e.g. 2026-01-31"),
    )
    search.add_argument(
        "--limit",
        type=int,
        default=200,
        metavar="N",
        help=tr("maximum number of results (default 200)"),
    )
    show = actions.add_parser("show", help=tr("show a result and its recipe"))
    show.add_argument("id", type=valid_text, metavar="ID")
    export = actions.add_parser("export", help=tr("copy results, with their recipes in a table"))
    export.add_argument("ids", type=valid_text, metavar="ID", nargs="+")
    export.add_argument("dir", metavar="DIR")
    export.add_argument(
        "--format",
        choices=("webp", "jpeg"),
        default="",
        help=tr("convert pictures; they keep their recipes"),
    )
    export.add_argument(
        "--quality",
        type=int,
        default=None,
        metavar="N",
        help=tr("1 to 100 (default: lossless for WebP, 90 for JPEG)"),
    )
    _subtitles(export)
    review = actions.add_parser("review", help=tr("note what a person decided on results"))
    review.add_argument("ids", type=valid_text, metavar="ID", nargs="+")
    review.add_argument("--state", choices=STATES, required=True)
    review.add_argument(
        "--name", type=valid_text, default="", metavar="NAME", help=tr("who reviewed them")
    )
    review.add_argument("--remark", type=valid_text, default="", metavar="TEXT")
    reproduce = actions.add_parser(
        "reproduce", help=tr("reproduce a result and compare it with the first")
    )
    reproduce.add_argument("id", type=valid_text, metavar="ID")
    reproduce.add_argument(
        "-o",
        dest="output",
        default="",
        metavar="DIR",
        help=tr("write to this folder instead of the library"),
    )
    check = actions.add_parser(
        "check", help=tr("check that index, files, marks, trash and queue agree")
    )
    rebuild = actions.add_parser("rebuild", help=tr("rebuild the index from the files"))
    actions.add_parser("path", help=tr("print the folder of the library"))
    for action in (search, show, export, review, reproduce, check, rebuild):
        action.add_argument("--json", action="store_true", help=tr("print JSON"))
