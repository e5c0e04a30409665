"""What a person pastes: a repository, its page, the address of a file, or a path."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TypeAlias
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit
from urllib.request import url2pathname

from msgspec import Struct

from studio.formats.untrusted_files import printable, user_path
from studio.models.hub.endpoint import HUB_HOSTS, MIRROR, OFFICIAL, host_of
from studio.protocol import ProblemError, problem

_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]{0,95}(/[A-Za-z0-9_][\w.-]{0,95})?", re.ASCII)
_SHORT = re.compile(
    r"(?P<repository>[^/@:\s]+/[^/@:\s]+)(/(?P<file>[^@:]+))?(@(?P<revision>[^:\s]+))?"
    r"(:(?P<quantisation>[\w.-]+))?"
)
_DRIVE = re.compile(r"[A-Za-z]:[\\/]")


class RepositoryAddress(Struct, frozen=True):
    """A repository, or one of its files. Empty values mean the current revision, and any."""

    endpoint: str
    repository: str
    revision: str = ""
    file: str = ""
    quantisation: str = ""


class FileAddress(Struct, frozen=True):
    """The address of one file anywhere. `name` is the file's name, if the address tells it."""

    url: str
    name: str = ""


class LocalAddress(Struct, frozen=True):
    """A folder or a file on this machine."""

    path: Path


Address: TypeAlias = RepositoryAddress | FileAddress | LocalAddress


def parse_address(text: str, endpoint: str) -> Address:
    """Return what `text` means. `endpoint` is the configured hub. Raises `ProblemError`."""
    text = text.strip().strip("<>\"'").strip()
    if text.lower().startswith("file:"):
        try:
            return LocalAddress(_file_path(text))
        except ValueError as error:
            raise _not_understood(text) from error
    if text.startswith(("/", "./", "../", "~", ".\\", "..\\", "\\\\")) or _DRIVE.match(text):
        return LocalAddress(user_path(text))
    if text.lower().startswith("hf://"):
        text = text[5:].removeprefix("models/")
    if re.match(r"https?://", text, re.I):
        try:
            return _web_address(urlsplit(text), text, endpoint)
        except ValueError as error:
            raise _not_understood(text) from error
    found = _SHORT.fullmatch(text)
    if found is not None and _REPOSITORY.fullmatch(found["repository"]):
        return RepositoryAddress(
            endpoint,
            found["repository"],
            found["revision"] or "",
            found["file"] or "",
            found["quantisation"] or "",
        )
    if _REPOSITORY.fullmatch(text):  # the first models had no owner
        return RepositoryAddress(endpoint, text)
    raise _not_understood(text)


def _web_address(parts: SplitResult, text: str, endpoint: str) -> Address:
    host = (parts.hostname or "").casefold()
    _ = parts.port  # raises ValueError if it is none
    if host in HUB_HOSTS or parts.netloc.casefold() == host_of(endpoint):
        return _hub_page(parts, _endpoint_of(host, endpoint), text)
    steps = [unquote(step) for step in parts.path.split("/") if step]
    if host.removeprefix("www.") == "civitai.com" and steps[:1] == ["models"]:
        version = parse_qs(parts.query).get("modelVersionId", [""])[0]
        if not version.isdigit():
            raise problem(
                "bad_input",
                "The page shows several versions of a model. Copy the address of the download "
                "button of the one you want.",
            )
        return FileAddress(f"https://{parts.netloc}/api/download/models/{version}")
    if host == "github.com" and len(steps) > 4 and steps[2] == "blob":
        path = parts.path.replace("/blob/", "/raw/", 1)
        return FileAddress(parts._replace(path=path).geturl(), steps[-1])
    return FileAddress(parts.geturl(), steps[-1] if steps and "." in steps[-1] else "")


def _endpoint_of(host: str, endpoint: str) -> str:
    """Return the endpoint for a page: the mirror's own, else the configured one."""
    if host == host_of(MIRROR):
        return MIRROR
    return endpoint if endpoint else OFFICIAL


def _hub_page(parts: SplitResult, endpoint: str, text: str) -> RepositoryAddress:
    # Steps are split before they are unquoted: a revision may contain a slash.
    steps = [unquote(step) for step in parts.path.split("/") if step]
    if steps[:1] in (["datasets"], ["spaces"], ["collections"], ["papers"]):
        raise problem(
            "bad_input",
            "{address} is not the page of a model.",
            address=f"{parts.netloc}{parts.path}",
        )
    if steps[:1] == ["models"]:
        steps = steps[1:]
    repository = "/".join(steps[:2])
    if len(steps) == 1 or (len(steps) > 1 and steps[1] in ("tree", "blob", "resolve", "raw")):
        repository = steps[0]
    if not _REPOSITORY.fullmatch(repository):
        raise _not_understood(text)
    rest = steps[repository.count("/") + 1 :]
    if rest[:1] in (["blob"], ["resolve"], ["raw"]) and len(rest) > 2:
        return RepositoryAddress(endpoint, repository, _revision(rest[1]), "/".join(rest[2:]))
    if rest[:1] in (["tree"], ["commit"]) and len(rest) > 1:
        return RepositoryAddress(endpoint, repository, _revision(rest[1]))
    return RepositoryAddress(endpoint, repository)


def _revision(text: str) -> str:
    return "" if text == "main" else text


def _file_path(text: str) -> Path:
    parts = urlsplit(text)
    if not parts.path.strip("/"):
        raise ValueError("no path")
    if parts.netloc not in ("", "localhost"):
        return Path(url2pathname(f"//{parts.netloc}{parts.path}"))
    return user_path(url2pathname(parts.path))


def _not_understood(text: str) -> ProblemError:
    return problem(
        "bad_input",
        "{text} is not the name of a model in the hub, nor an address. Examples: {name}, {address}",
        text=printable(repr(text), 200),
        name="Qwen/Qwen3.5-2B",
        address=f"{OFFICIAL}/Qwen/Qwen3.5-2B",
    )
