"""The options of `studio models`."""

from __future__ import annotations

import argparse

from studio.cli.argument_parser import valid_text
from studio.cli.language import tr
from studio.kinds.registry import tasks
from studio.models.starter_pack import EXTRAS


def _starter_name(text: str) -> str:
    known = (*tasks(), *_extras())
    if text not in known:
        # Worded as argparse does, so that it becomes the same sentence.
        raise argparse.ArgumentTypeError(
            f"invalid choice: {text!r} (choose from {', '.join(map(repr, known))})"
        )
    return text


def _extras() -> tuple[str, ...]:
    return tuple(extra.model.id for extra in EXTRAS)


def add_model_options(command: argparse.ArgumentParser) -> None:
    """Add the actions of `studio models` and their options."""
    actions = command.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, text, argument in (
        ("list", tr("list the installed models"), ""),
        ("add", tr("add a folder or a file, which stays where it is"), "PATH"),
        ("remove", tr("remove a model from the list; its files are kept without --files"), "ID"),
        ("verify", tr("check the files of a model, or of all models"), "[ID]"),
        ("starter", tr("install missing starter models"), ""),
        ("usage", tr("show what each model weighs and when it was last used"), ""),
        ("duplicates", tr("find weights that are on the disk more than once"), ""),
        ("restore", tr("bring a model back that was removed with its files"), "[ID]"),
        ("move", tr("move a model's files to another folder or disk"), "ID"),
    ):
        action = actions.add_parser(name, help=text)
        if argument == "PATH":
            action.add_argument("path", metavar="PATH")
        elif argument == "ID":
            action.add_argument("id", type=valid_text, metavar="ID")
        elif argument:
            action.add_argument("id", type=valid_text, metavar="ID", nargs="?", default="")
        action.add_argument("--json", action="store_true", help=tr("print JSON"))
        if name == "remove":
            action.add_argument(
                "--files",
                action="store_true",
                help=tr("also move its files to the trash, if they are in the app's models folder"),
            )
        elif name == "starter":
            action.add_argument(
                "tasks",
                metavar="TASK",
                nargs="*",
                type=_starter_name,
                help=tr(
                    "only the models for these tasks: {tasks}; or a model that is installed only "
                    "by its name: {names}",
                    tasks=", ".join(tasks()),
                    names=", ".join(_extras()),
                ),
            )
        elif name == "restore":
            action.add_argument(
                "--empty", action="store_true", help=tr("delete what is in the trash for good")
            )
        elif name == "move":
            action.add_argument("dir", metavar="DIR")
    folder = actions.add_parser(
        "folder", help=tr("show or choose the folder where models are kept")
    )
    folder.add_argument("dir", metavar="DIR", nargs="?", default="")
    folder.add_argument(
        "--move", action="store_true", help=tr("move the models there, too; otherwise they stay")
    )
    convert = actions.add_parser(
        "convert", help=tr("write PyTorch files (.bin, .pt, .pth, .ckpt) as .safetensors")
    )
    convert.add_argument("path", metavar="PATH", help=tr("a file, or a folder with such files"))
    convert.add_argument(
        "-o", dest="output", default="", metavar="DIR", help=tr("write to this folder instead")
    )
    convert.add_argument("--json", action="store_true", help=tr("print JSON"))
    search = actions.add_parser("search", help=tr("search the model hub"))
    search.add_argument("words", type=valid_text, metavar="WORDS", nargs="+")
    search.add_argument("--task", choices=tasks(), default=None)
    search.add_argument("--limit", type=int, default=20, metavar="N", help=tr("default 20"))
    search.add_argument("--json", action="store_true", help=tr("print JSON"))
    catalogue = actions.add_parser(
        "catalogue", help=tr("list models worth getting, what runs on this machine first")
    )
    catalogue.add_argument(
        "--for",
        dest="use",
        type=valid_text,
        default="",
        metavar="USE",
        help=tr("such as write-chinese"),
    )
    catalogue.add_argument("--task", choices=tasks(), default=None)
    catalogue.add_argument("--json", action="store_true", help=tr("print JSON"))
    _download_options(
        actions.add_parser("info", help=tr("show a model: an installed one, or one of the hub")),
        tr("an id, also of the catalogue, the name of a repository (owner/name), or an address"),
    )
    get = actions.add_parser("get", help=tr("download a model, resuming an earlier attempt"))
    _download_options(
        get,
        tr(
            "an id of the catalogue, a repository (owner/name, owner/name@revision, "
            "owner/name:Q4_K_M), an address, or the path of a model, also as a zip file"
        ),
    )
    get.add_argument(
        "--smaller",
        action="store_true",
        help=tr("of an installed model that does not fit: the version that does"),
    )
    get.add_argument("--yes", "-y", action="store_true", help=tr("do not ask before the download"))
    _queue_options(
        actions.add_parser("downloads", help=tr("list, pause, resume, order and cancel downloads"))
    )
    _token_options(actions.add_parser("token", help=tr("keep an access token of the model hub")))


def _download_options(action: argparse.ArgumentParser, what: str) -> None:
    action.add_argument("model", metavar="MODEL", help=what)
    action.add_argument(
        "--file",
        type=valid_text,
        default="",
        metavar="NAME",
        help=tr("only this file of a repository"),
    )
    action.add_argument(
        "--variant",
        type=valid_text,
        default="",
        metavar="PRECISION",
        help=tr("of an entry of the catalogue, such as Q8_0; default: what suits this machine"),
    )
    action.add_argument(
        "--full", action="store_true", help=tr("weights in full precision where smaller ones exist")
    )
    action.add_argument("--json", action="store_true", help=tr("print one JSON event per line"))


def _queue_options(action: argparse.ArgumentParser) -> None:
    parts = action.add_subparsers(dest="part", metavar="ACTION")
    action.set_defaults(part="list", json=False)
    listing = parts.add_parser("list", help=tr("list all downloads"))
    listing.add_argument("--json", action="store_true", help=tr("print JSON"))
    for name, text in (
        ("pause", tr("stop a download; its part is kept")),
        ("resume", tr("continue a paused or failed download")),
    ):
        parts.add_parser(name, help=text).add_argument("id", type=valid_text, metavar="ID")
    move = parts.add_parser("move", help=tr("move a download to the top, or to another place"))
    move.add_argument("id", type=valid_text, metavar="ID")
    place = move.add_mutually_exclusive_group()
    place.add_argument("--before", type=valid_text, metavar="ID", help=tr("before this download"))
    place.add_argument("--last", action="store_true", help=tr("to the end"))
    cancel = parts.add_parser("cancel", help=tr("take a download off the list and delete its part"))
    cancel.add_argument("id", type=valid_text, metavar="ID")
    cancel.add_argument("--keep", action="store_true", help=tr("keep the part that was downloaded"))


def _token_options(action: argparse.ArgumentParser) -> None:
    parts = action.add_subparsers(dest="part", metavar="ACTION", required=True)
    for name, text in (
        ("set", tr("read a token from standard input and keep it in the system's keyring")),
        ("clear", tr("delete the token from the system's keyring")),
        ("status", tr("say whether there is a token, and where")),
    ):
        part = parts.add_parser(name, help=text)
        part.add_argument(
            "--host", type=valid_text, default="", metavar="ADDRESS", help=tr("of another server")
        )
