"""From what a person asks for (a repository, an address, a path) to a download, said before."""

from __future__ import annotations

import contextlib
import re
import time
import urllib.error
import urllib.parse
from email.message import Message
from http.client import HTTPResponse
from pathlib import Path
from typing import TypeAlias

import msgspec
from msgspec import Struct

from studio.downloads.download_queue import DownloadQueue
from studio.downloads.file_names import folder_name_for
from studio.downloads.http_open import open_url
from studio.downloads.http_problems import RetryableError, check_address, give_up, shown_url
from studio.downloads.item import Item, ItemFile
from studio.downloads.item_download import TokenOf
from studio.downloads.pack import pack_size
from studio.downloads.proxy import use_proxy
from studio.formats.suffixes import MODEL_WEIGHTS, PICKLED_WEIGHTS
from studio.formats.untrusted_files import printable
from studio.models.fit import main_memory
from studio.models.hub.client import HubClient
from studio.models.hub.description import HubModel
from studio.models.hub.endpoint import hub_endpoint
from studio.models.hub.file_choice import FileChoice, choose_files
from studio.models.hub.hub_address import (
    FileAddress,
    LocalAddress,
    RepositoryAddress,
    parse_address,
)
from studio.models.hub.tokens import token_for
from studio.models.source_file import SOURCE_FILE, SourceFile, source_text
from studio.protocol import ModelSource, ProblemError, Sentence, problem, sentence
from studio.settings import Paths, Settings

_TOKEN_SECONDS = 30.0


class HubDownload(Struct, frozen=True):
    """A download from a hub repository or an address. `model` is None for an address.

    `notes` are said before the download; `needs_consent` is True if it contains a pickle.
    """

    item: Item
    model: HubModel | None = None
    notes: tuple[Sentence, ...] = ()
    needs_consent: bool = False


class LocalCopy(Struct, frozen=True):
    """A model on this machine to copy. `size` is bytes."""

    path: Path
    size: int


Plan: TypeAlias = HubDownload | LocalCopy


def plan_download(text: str, settings: Settings, *, file: str = "", full: bool = False) -> Plan:
    """Find out what to download for a repository's name, an address or a path.

    Args:
        text: what the user typed or pasted.
        settings: for the address of the hub.
        file: the name of one file of the repository.
        full: whether weights in full precision are wanted where smaller ones exist.

    Raises `ProblemError` with a message that says what to do instead.
    """
    endpoint = hub_endpoint(settings)
    address = parse_address(text, endpoint)
    if isinstance(address, LocalAddress):
        return LocalCopy(address.path, pack_size(address.path))
    if isinstance(address, FileAddress):
        return download_from_url(address.url, settings, name=address.name)
    model, choice = describe(address, settings, file=file, full=full)
    return hub_download(model, choice)


def describe(
    address: RepositoryAddress, settings: Settings, *, file: str = "", full: bool = False
) -> tuple[HubModel, FileChoice]:
    """Ask the hub about a repository, and choose its files. Raises `ProblemError`."""
    client = hub_client(settings, address.endpoint)
    model = client.model_info(address.repository, address.revision)
    components = None
    if any(item.name == "model_index.json" for item in model.files):
        with contextlib.suppress(ProblemError):  # gated files cannot be read, but listed
            components = _components(client.read_small(model, "model_index.json"))
    choice = choose_files(
        model,
        file=file or address.file,
        quantisation=address.quantisation,
        memory=main_memory().total,
        full=full,
        components=components,
    )
    return model, choice


def hub_download(model: HubModel, choice: FileChoice) -> HubDownload:
    """Return the download of chosen files of a repository."""
    source = ModelSource("hub", model.repository, model.revision)
    # A single file is stored without the folders above it, which only sort the repository.
    is_flat = choice.layout in ("file", "gguf")
    files = tuple(
        ItemFile(
            item.name.rpartition("/")[2] if is_flat else item.name,
            model.url_of(item.name),
            item.size,
            item.sha256,
        )
        for item in choice.files
        if item.name != SOURCE_FILE
    )
    hashes = {file.name: file.sha256 for file in files if file.sha256}
    notes = list(choice.notes)
    if model.is_gated:
        notes.append(
            sentence(
                "Its terms must be accepted first at {page}, with an account whose access token "
                "is saved here.",
                page=model.page,
            )
        )
    if reported := [item.name for item in choice.files if item.name in model.unsafe]:
        notes.append(
            sentence("The hub's scanner reports these files: {files}", files=", ".join(reported))
        )
    item = Item(
        title=model.repository,
        folder=folder_name_for(choice.folder),
        files=files,
        source=source,
        licence=model.licence,
        texts={SOURCE_FILE: source_text(SourceFile(source, model.licence, hashes))},
    )
    needs_consent = choice.needs_consent or bool(reported)
    return HubDownload(item, model, tuple(notes), needs_consent)


def open_queue(paths: Paths, settings: Settings) -> DownloadQueue:
    """Return the queue of an installation.

    Raises `ProblemError` if the chosen models folder is not there: it may be on an unplugged disk.
    """
    paths.require_models()
    use_proxy(settings.proxy)
    return DownloadQueue(
        paths.models, token_of=token_source(settings), make_models=paths.make_models_folder
    )


def hub_client(settings: Settings, endpoint: str = "") -> HubClient:
    """Return a client for the configured hub, or for another endpoint."""
    use_proxy(settings.proxy)
    configured = hub_endpoint(settings)
    endpoint = endpoint or configured
    return HubClient(endpoint, token_for(endpoint, configured))


def token_source(settings: Settings) -> TokenOf:
    """Return a function from an address to the token for its host; the keyring is asked rarely."""
    known: dict[str, tuple[float, str]] = {}

    def token_of(url: str) -> str:
        parts = urllib.parse.urlsplit(url)
        host = f"{parts.scheme}://{parts.netloc}"
        asked, token = known.get(host, (0.0, ""))
        if time.monotonic() - asked > _TOKEN_SECONDS:
            token = token_for(host, hub_endpoint(settings))
            known[host] = (time.monotonic(), token)
        return token

    return token_of


def _components(content: bytes) -> tuple[str, ...] | None:
    """Return the components that a model_index.json names."""
    try:
        index = msgspec.json.decode(content, type=dict[str, object])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return tuple(
        name
        for name, value in index.items()
        if isinstance(value, list) and len(value) == 2 and all(value)
    )


def download_from_url(
    url: str, settings: Settings, sha256: str = "", name: str = ""
) -> HubDownload:
    """Ask for the size and the name of a file at an address, and return its download.

    `name` is used if the server does not say one. Raises `ProblemError`.
    """
    check_address(url, sha256)
    use_proxy(settings.proxy)
    try:
        with open_url(url, {}, token_source(settings)(url)) as response:
            name = _file_name(response) or name or _last_step(response.url)
            length = response.headers.get("Content-Length", "")
            is_page = response.headers.get_content_type() == "text/html"
    except RetryableError as error:
        raise ProblemError(give_up(error)) from error
    except urllib.error.HTTPError as error:  # 416, without a range
        error.close()
        raise ProblemError(give_up(RetryableError(str(error)))) from error
    if is_page:
        raise problem(
            "bad_input",
            "The address leads to a web page, not to a file. Copy the address of the "
            "download link itself.",
        )
    suffix = Path(name).suffix.lower()
    if suffix not in MODEL_WEIGHTS:
        raise problem(
            "bad_input",
            "The address leads to {file}, which is not a model file (.safetensors, .gguf or, for "
            "upscalers, .pth). If it is an archive, download and unpack it, then add the folder.",
            file=printable(repr(name), 200),
        )
    notes: tuple[Sentence, ...] = ()
    if suffix in PICKLED_WEIGHTS:
        notes = (
            sentence(
                "{file} is a pickle, a format that can contain code. Only its tensors are read, "
                "and nothing in it is run; prefer a .safetensors file where there is one.",
                file=name,
            ),
        )
    source = ModelSource("url", shown_url(url))
    size = int(length) if length.isdigit() else None
    hashes = {name: sha256} if sha256 else {}
    item = Item(
        title=name,
        folder=folder_name_for(Path(name).stem),
        files=(ItemFile(name, url, size, sha256),),
        source=source,
        texts={SOURCE_FILE: source_text(SourceFile(source, files=hashes))},
    )
    return HubDownload(item, None, notes, needs_consent=bool(notes))


def _file_name(response: HTTPResponse) -> str:
    """Return the name that the server gives the file, without folders."""
    message = Message()
    message["Content-Disposition"] = response.headers.get("Content-Disposition", "")
    name = message.get_filename("") or ""
    return re.split(r"[/\\]", name)[-1].strip()


def _last_step(url: str) -> str:
    return urllib.parse.unquote(urllib.parse.urlsplit(url).path).rpartition("/")[2]
