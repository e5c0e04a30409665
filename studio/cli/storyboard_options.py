"""The options of `studio storyboard`."""

from __future__ import annotations

import argparse

from studio.cli.argument_parser import valid_text
from studio.cli.language import tr
from studio.storyboard.board import MAX_VARIATIONS


def add_storyboard_options(command: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    command.description = tr(
        "Make pictures, voices and a film with subtitles from a script, and write subtitles, a PDF"
        " and a contact sheet beside it. The script is a table in Markdown, CSV or JSON with"
        " columns such as Picture, Voice, Seconds and Camera (as the forms `storyboard` and"
        " `short-video` write it), or has a paragraph for each shot. Run again with the same"
        " script and options, only what is missing is made."
    )
    command.add_argument(
        "file", metavar="FILE", help=tr("a .md, .csv, .tsv, .xlsx, .jsonl or .json file")
    )
    command.add_argument(
        "-n",
        dest="count",
        type=int,
        default=1,
        metavar="N",
        help=tr(
            "variations of each picture, to choose from in the window (1 to {most})",
            most=MAX_VARIATIONS,
        ),
    )
    command.add_argument("--title", type=valid_text, default="", metavar="TEXT")
    command.add_argument(
        "--look",
        type=valid_text,
        default="",
        metavar="TEXT",
        help=tr("what all pictures share, e.g. their style; it is added to each prompt"),
    )
    command.add_argument("--seed", type=int, default=None, metavar="S")
    command.add_argument(
        "--picture-model",
        type=valid_text,
        default=None,
        metavar="ID",
        help=tr("draws the pictures"),
    )
    command.add_argument(
        "--voice-model", type=valid_text, default=None, metavar="ID", help=tr("speaks the words")
    )
    command.add_argument("--voice", type=valid_text, default=None, metavar="NAME")
    command.add_argument(
        "--speed", type=valid_text, default=None, metavar="N", help=tr("of the voice; 1 is its own")
    )
    command.add_argument("--size", type=valid_text, default=None, metavar="WxH")
    command.add_argument("--fps", type=valid_text, default=None, metavar="N")
    command.add_argument(
        "--fade", type=valid_text, default=None, metavar="N", help=tr("seconds of a cross-fade")
    )
    command.add_argument("--fit", choices=("fill", "whole"), default=None)
    command.add_argument("--sound", default=None, metavar="FILE", help=tr("music below the voices"))
    command.add_argument("--quality", type=valid_text, default=None, metavar="N")
    command.add_argument("--format", choices=("mp4", "mkv", "webm"), default=None)
    command.add_argument(
        "-o",
        dest="output",
        default="",
        metavar="DIR",
        help=tr("write to this folder instead of the library"),
    )
    command.add_argument("--json", action="store_true", help=tr("print one JSON event per line"))
