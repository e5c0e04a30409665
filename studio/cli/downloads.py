"""`studio models downloads` and `studio models token`."""

from __future__ import annotations

import argparse
import getpass
import json
import sys

import msgspec

from studio.cli.columns import padded, right_aligned
from studio.cli.exit_status import DONE, SOME_FAILED
from studio.cli.language import tr, translated
from studio.downloads.download_queue import DownloadQueue
from studio.downloads.item import State
from studio.jobs.get_model import open_queue
from studio.models.hub.endpoint import hub_endpoint
from studio.models.hub.tokens import clear_token, save_token, token_place
from studio.protocol import Sentence, problem, readable_size, sentence
from studio.settings import Paths, load_settings

_STATES: dict[State, Sentence] = {
    "waiting": sentence("waiting"),
    "running": sentence("running"),
    "paused": sentence("paused"),
    "failed": sentence("failed"),
    "done": sentence("done"),
    "cancelled": sentence("cancelled"),
}


def downloads(options: argparse.Namespace, paths: Paths) -> int:
    """List or change the queue of downloads."""
    settings, _ = load_settings(paths.settings)
    queue = open_queue(paths, settings)
    match options.part:
        case "pause":
            queue.pause(options.id)
            print(tr("The download {id} is paused.", id=options.id))
        case "resume":
            return _resume(queue, options.id)
        case "move":
            others = [each.id for each in queue.statuses() if each.id != options.id]
            first = others[0] if others else None
            queue.move(options.id, None if options.last else options.before or first)
            _list(queue, as_json=False)
        case "cancel":
            queue.cancel(options.id, remove=not options.keep)
            print(tr("The download {id} was cancelled.", id=options.id))
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
            text = getpass.getpass(tr("Access token: ")) if terminal else sys.stdin.readline()
            save_token(host, text)
            print(tr("The token for {host} is kept in the system's keyring.", host=host))
            return DONE
        case "clear":
            removed = clear_token(host)
            print(
                tr("The token was deleted.") if removed else tr("There is no token in the keyring.")
            )
            return DONE
    place = token_place(host, configured)
    match place:
        case "keyring":
            print(tr("There is a token for {host} in the system's keyring.", host=host))
        case "environment":
            print(
                tr("There is a token for {host} in the environment variable HF_TOKEN.", host=host)
            )
        case "file":
            print(
                tr("There is a token for {host} in the file that `hf auth login` made.", host=host)
            )
        case "none":
            print(tr("There is no token for {host}.", host=host))
            return SOME_FAILED
    return DONE


def _list(queue: DownloadQueue, *, as_json: bool) -> None:
    for status in queue.statuses():
        if as_json:
            print(json.dumps(msgspec.to_builtins(status), ensure_ascii=False))
            continue
        total = "?" if status.total is None else readable_size(status.total)
        amount = tr("{done} of {total}", done=readable_size(status.done), total=total)
        state = padded(translated(_STATES[status.state]), 8)
        print(f"{status.id}  {state}  {right_aligned(amount, 20)}  {status.title}")
        if status.problem is not None and status.state != "done":
            print(f"    {translated(status.problem.message)}")


def _resume(queue: DownloadQueue, id: str) -> int:
    status = queue.status(id)
    if status is None:
        raise problem("bad_input", "There is no download {id}.", id=id)
    if status.state == "done":
        print(tr("It is complete."))
        return DONE
    queue.resume(id)
    name = status.source.place or status.title
    command = f"studio models get {name}"
    print(tr("It goes on when the window is open, or now with: {command}", command=command))
    return DONE
