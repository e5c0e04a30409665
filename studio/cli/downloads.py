"""`studio models downloads` and `studio models token`."""

from __future__ import annotations

import argparse
import getpass
import json
import sys

import msgspec

from studio.cli.exit_status import DONE, SOME_FAILED
from studio.downloads.download_queue import DownloadQueue
from studio.jobs.get_model import open_queue
from studio.models.hub.endpoint import hub_endpoint
from studio.models.hub.tokens import clear_token, save_token, token_place
from studio.protocol import problem, readable_size
from studio.settings import Paths, load_settings


def downloads(options: argparse.Namespace, paths: Paths) -> int:
    """List or change the queue of downloads."""
    settings, _ = load_settings(paths.settings)
    queue = open_queue(paths, settings)
    match options.part:
        case "pause":
            queue.pause(options.id)
            print(f"The download {options.id} is paused.")
        case "resume":
            return _resume(queue, options.id)
        case "cancel":
            queue.cancel(options.id, remove=not options.keep)
            print(f"The download {options.id} was cancelled.")
        case _:
            _list(queue, as_json=options.json)
    return DONE


def token(options: argparse.Namespace, paths: Paths) -> int:
    """Save, delete or look for the access token of the hub, or of another server."""
    settings, _ = load_settings(paths.settings)
    configured = hub_endpoint(settings)
    host = options.host or configured
    host = host if "://" in host else f"https://{host}"
    match options.part:
        case "set":
            # Not as an argument, which other users of the machine can read.
            terminal = sys.stdin.isatty()
            text = getpass.getpass("Access token: ") if terminal else sys.stdin.readline()
            save_token(host, text)
            print(f"The token for {host} is kept in the system's keyring.")
            return DONE
        case "clear":
            removed = clear_token(host)
            print("The token was deleted." if removed else "There is no token in the keyring.")
            return DONE
    place = token_place(host, configured)
    where = {
        "keyring": "in the system's keyring",
        "environment": "in the environment variable HF_TOKEN",
        "file": "in the file that `hf auth login` made",
    }
    if place == "none":
        print(f"There is no token for {host}.")
        return SOME_FAILED
    print(f"There is a token for {host} {where[place]}.")
    return DONE


def _list(queue: DownloadQueue, *, as_json: bool) -> None:
    for status in queue.statuses():
        if as_json:
            print(json.dumps(msgspec.to_builtins(status), ensure_ascii=False))
            continue
        total = "?" if status.total is None else readable_size(status.total)
        amount = f"{readable_size(status.done)} of {total}"
        print(f"{status.id}  {status.state:<8}  {amount:>20}  {status.title}")
        if status.problem is not None and status.state != "done":
            print(f"    {status.problem.message}")


def _resume(queue: DownloadQueue, id: str) -> int:
    status = queue.status(id)
    if status is None:
        raise problem("bad_input", "There is no download {id}.", id=id)
    if status.state == "done":
        print("It is complete.")
        return DONE
    queue.resume(id)
    name = status.source.place or status.title
    print(f"It goes on when the window is open, or now with: studio models get {name}")
    return DONE
