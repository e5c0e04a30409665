"""A model hub on this machine, as huggingface_hub asks it, that misbehaves on demand.

It has two ports: the hub itself, and a storage that large files are redirected to, as the real
hub does. Each request is noted. `Fault`s change the answer to the requests whose path contains
their text, as many times as they say.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import parse_qs, quote, unquote, urlsplit

_LARGE = (".safetensors", ".gguf", ".pth", ".bin", ".ckpt", ".pt", ".onnx", ".msgpack", ".h5")
_BLOCK = 1 << 16


Content: TypeAlias = bytes | Path | int
"""A file: its content, a file with it, or only its size."""


@dataclass
class Fault:
    """An answer that goes wrong. `cut` closes the connection after so many bytes of the body."""

    path: str
    times: int = 1
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None
    body: bytes | None = None
    ignores_ranges: bool = False
    redirect: str = ""


@dataclass(frozen=True)
class Asked:
    """A request that arrived."""

    host: str
    path: str
    range: str
    token: str


@dataclass
class Alarm:
    """What to do after so many more bytes were sent."""

    path: str
    left: int
    action: Callable[[], object]


@dataclass
class Repository:
    """A repository: its files, and what the hub says of it. Files may be sizes without content."""

    files: dict[str, Content]
    info: dict[str, Any] = field(default_factory=dict)

    @property
    def commit(self) -> str:
        """The commit of the only revision."""
        return hashlib.sha1("\n".join(sorted(self.files)).encode()).hexdigest()

    def content(self, name: str) -> bytes:
        """Return the content of a file."""
        kept = self.files[name]
        if isinstance(kept, int):
            return bytes(kept)
        return kept if isinstance(kept, bytes) else kept.read_bytes()

    def size(self, name: str) -> int:
        """Return the size of a file."""
        kept = self.files[name]
        if isinstance(kept, int):
            return kept
        return len(kept) if isinstance(kept, bytes) else kept.stat().st_size

    def sha256(self, name: str) -> str:
        """Return the hash of a file."""
        if isinstance(self.files[name], int):
            return hashlib.sha256(name.encode()).hexdigest()
        return hashlib.sha256(self.content(name)).hexdigest()


class HubServer:
    """The server. `endpoint` is the address of the hub, `storage` that of the large files."""

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.loose: dict[str, bytes] = {}
        """Files at other addresses: path → content."""
        self.faults: list[Fault] = []
        self.asked: list[Asked] = []
        self.tokens: set[str] = set()
        """Tokens of accounts that have access to gated repositories."""
        self._alarms: list[Alarm] = []
        self._lock = threading.Lock()
        self._servers = [self._listen("hub"), self._listen("storage")]
        hub, storage = (server.server_port for server in self._servers)
        self.endpoint = f"http://127.0.0.1:{hub}"
        self.storage = f"http://127.0.0.1:{storage}"

    def add(self, name: str, files: dict[str, Content] | Path, **info: Any) -> Repository:
        """Add a repository with the files of a folder, or with the files given."""
        if isinstance(files, Path):
            found = sorted(path for path in files.rglob("*") if path.is_file())
            files = {path.relative_to(files).as_posix(): path for path in found}
        self.repositories[name] = Repository(files, info)
        return self.repositories[name]

    def call_at(self, count: int, action: Callable[[], object], path: str = "") -> None:
        """Call `action` right after `count` bytes of files whose path contains `path` were sent."""
        with self._lock:
            self._alarms.append(Alarm(path, count, action))

    def downloads(self, part: str = "") -> list[Asked]:
        """Return the requests for content whose path contains `part`."""
        return [asked for asked in self.asked if "/api/" not in asked.path and part in asked.path]

    def close(self) -> None:
        """Stop."""
        for server in self._servers:
            server.shutdown()
            server.server_close()

    def _listen(self, host: str) -> ThreadingHTTPServer:
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                Answer(hub, host, self).send()

            do_HEAD = do_GET

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        return server

    def take_fault(self, path: str) -> Fault | None:
        """Return the fault for a request, which is used up by it."""
        with self._lock:
            for fault in self.faults:
                if fault.path in path and fault.times:
                    fault.times -= 1
                    return fault
        return None

    def count(self, path: str, number: int) -> None:
        """Count bytes that were sent, and call what is due."""
        with self._lock:
            for alarm in self._alarms:
                alarm.left -= number if alarm.path in path else 0
            due = [alarm for alarm in self._alarms if alarm.left <= 0]
            self._alarms = [alarm for alarm in self._alarms if alarm.left > 0]
        for alarm in due:
            alarm.action()

    def until_alarm(self, path: str) -> int:
        """Return how many bytes may be sent before the next alarm."""
        with self._lock:
            return min((alarm.left for alarm in self._alarms if alarm.path in path), default=_BLOCK)


class Answer:
    """The answer to one request."""

    def __init__(self, hub: HubServer, host: str, handler: BaseHTTPRequestHandler) -> None:
        self._hub = hub
        self._handler = handler
        parts = urlsplit(handler.path)
        self._path = unquote(parts.path)
        self._query = parse_qs(parts.query)
        self._token = handler.headers.get("Authorization", "").removeprefix("Bearer ")
        self._range = handler.headers.get("Range", "")
        self._is_storage = host == "storage"
        hub.asked.append(Asked(host, self._path, self._range, self._token))
        self._fault = hub.take_fault(f"{host}:{self._path}")

    def send(self) -> None:
        """Send it."""
        fault = self._fault
        if fault is not None and fault.redirect:
            self._start(302, {"Location": fault.redirect, "Content-Length": "0"})
        elif fault is not None and fault.status:
            body = fault.body or b""
            self._start(fault.status, {"Content-Length": str(len(body)), **fault.headers})
            self._write(body)
        elif self._path in self._hub.loose:
            self._content(self._hub.loose[self._path], '"loose"', {})
        elif self._is_storage:
            repository, _, name = self._path.removeprefix("/").partition("//")
            kept = self._hub.repositories[repository]
            self._content(kept.content(name), f'"{kept.sha256(name)}"', {})
        elif self._path == "/api/models":
            self._search()
        elif self._path.startswith("/api/models/"):
            self._api(self._path.removeprefix("/api/models/"))
        elif found := re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", self._path):
            self._resolve(*found.groups())
        else:
            self._error(404, "", "Not found")

    def _search(self) -> None:
        words = self._query.get("search", [""])[0].casefold().split()
        tag = self._query.get("pipeline_tag", [""])[0]
        found = [
            self._described(name, repository, with_files=False)
            for name, repository in self._hub.repositories.items()
            if all(word in name.casefold() for word in words)
            and (not tag or repository.info.get("pipeline_tag") == tag)
        ]
        self._json(found)

    def _api(self, rest: str) -> None:
        name, _, revision = rest.partition("/revision/")
        name, is_tree, _ = name.partition("/tree/")
        repository = self._repository(name)
        if repository is None:
            return
        if revision and revision not in ("main", repository.commit):
            self._error(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        elif is_tree:
            self._json(
                [
                    {"type": "file", "path": file, "size": repository.size(file), "oid": "0" * 40}
                    for file in repository.files
                ]
            )
        else:
            self._json(self._described(name, repository, with_files="blobs" in self._query))

    def _repository(self, name: str) -> Repository | None:
        repository = self._hub.repositories.get(name)
        if repository is None and self._token:
            self._error(404, "RepoNotFound", "Repository not found")
        elif repository is None:
            # The real hub does not tell strangers whether a repository is private or missing.
            self._error(401, "RepoNotFound", "Invalid username or password.")
        return repository

    def _described(self, name: str, repository: Repository, *, with_files: bool) -> dict[str, Any]:
        siblings = []
        for file in sorted(repository.files):
            sibling: dict[str, Any] = {"rfilename": file}
            if with_files:
                sibling |= {"size": repository.size(file), "blobId": "0" * 40}
                if file.endswith(_LARGE):
                    sha256 = repository.sha256(file)
                    size = repository.size(file)
                    sibling["lfs"] = {"size": size, "sha256": sha256, "pointerSize": 130}
            siblings.append(sibling)
        return {
            "_id": "1",
            "id": name,
            "modelId": name,
            "sha": repository.commit,
            "lastModified": "2026-01-02T03:04:05.000Z",
            "private": False,
            "gated": False,
            "downloads": 1234,
            "likes": 5,
            "tags": [],
            **repository.info,
            "siblings": siblings,
        }

    def _resolve(self, name: str, revision: str, file: str) -> None:
        repository = self._repository(name)
        if repository is None:
            return
        if repository.info.get("gated") and self._token not in self._hub.tokens:
            self._error(403 if self._token else 401, "GatedRepo", "Access to model is restricted.")
        elif revision not in ("main", repository.commit):
            self._error(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        elif file not in repository.files:
            self._error(404, "EntryNotFound", "Entry not found")
        elif file.endswith(_LARGE):
            self._start(
                302,
                {
                    "Location": f"{self._hub.storage}/{quote(f'{name}//{file}')}?signature=secret",
                    "X-Linked-ETag": f'"{repository.sha256(file)}"',
                    "X-Linked-Size": str(repository.size(file)),
                    "X-Repo-Commit": repository.commit,
                    "Content-Length": "0",
                },
            )
        else:
            content = repository.content(file)
            etag = f'"{hashlib.sha1(content).hexdigest()}"'
            self._content(content, etag, {"X-Repo-Commit": repository.commit})

    def _content(self, content: bytes, etag: str, headers: dict[str, str]) -> None:
        fault = self._fault or Fault("")
        body = content if fault.body is None else fault.body
        headers = {"ETag": etag, "Accept-Ranges": "bytes", **headers, **fault.headers}
        condition = self._handler.headers.get("If-Range")
        found = re.fullmatch(r"bytes=(\d+)-", self._range)
        if found and not fault.ignores_ranges and condition in (None, headers["ETag"]):
            start = int(found[1])
            if start >= len(body):
                self._start(416, {"Content-Length": "0"})
                return
            headers["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
            body = body[start:]
            self._start(206, {"Content-Length": str(len(body)), **headers})
        else:
            self._start(200, {"Content-Length": str(len(body)), **headers})
        self._write(body if fault.cut is None else body[: fault.cut])
        self._handler.close_connection = True

    def _write(self, body: bytes) -> None:
        if self._handler.command == "HEAD":
            return
        try:
            while body:
                length = min(_BLOCK, len(body), self._hub.until_alarm(self._path))
                self._handler.wfile.write(body[:length])
                self._hub.count(self._path, length)
                body = body[length:]
        except OSError:
            self._handler.close_connection = True

    def _json(self, value: object) -> None:
        body = json.dumps(value).encode()
        headers = {"Content-Type": "application/json", "Content-Length": str(len(body))}
        self._start(200, headers)
        if self._handler.command != "HEAD":
            self._handler.wfile.write(body)

    def _error(self, status: int, code: str, message: str) -> None:
        headers = {"Content-Length": "0", "X-Error-Message": message}
        self._start(status, headers | ({"X-Error-Code": code} if code else {}))

    def _start(self, status: int, headers: dict[str, str]) -> None:
        self._handler.send_response(status)
        for name, value in headers.items():
            self._handler.send_header(name, value)
        self._handler.end_headers()


@contextmanager
def running_hub() -> Iterator[HubServer]:
    """Run a hub for the duration of a block."""
    hub = HubServer()
    try:
        yield hub
    finally:
        hub.close()
