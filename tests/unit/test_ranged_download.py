"""Downloads from a local server that fails in every known way."""

from __future__ import annotations

import hashlib
import re
import shutil
import socket
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from studio.downloads.ranged_download import TRIES, download, partial_bytes
from studio.downloads.stop_signal import StopSignal
from studio.protocol import Problem, ProblemError

CONTENT = bytes(range(256)) * 2000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Reply(NamedTuple):
    """The answer to one request. `cut` closes the connection after so many bytes."""

    status: int = 200
    cut: int | None = None
    etag: str = '"one"'
    headers: dict[str, str] = {}
    ranges: bool = True
    weak_ranges: bool = False
    """Whether ranges are served without If-Range."""


class Server:
    """Answer requests with `replies`, one after another, and correctly after the last."""

    def __init__(self) -> None:
        self.replies: list[Reply] = []
        self.asked: list[str | None] = []
        self.paths: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.answer(self)

            def log_message(self, *_: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,))
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_port}/model.gguf"

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        reply = self.replies.pop(0) if self.replies else Reply()
        wanted = handler.headers.get("Range")
        self.asked.append(wanted)
        self.paths.append(handler.path)
        if reply.status >= 400:
            handler.send_response(reply.status)
            for name, value in reply.headers.items():
                handler.send_header(name, value)
            handler.send_header("Content-Length", "0")
            handler.end_headers()
            return
        start = 0
        condition = handler.headers.get("If-Range")
        fits = condition == reply.etag or (condition is None and reply.weak_ranges)
        if wanted and reply.ranges and fits:
            match = re.fullmatch(r"bytes=(\d+)-", wanted)
            assert match is not None
            start = int(match[1])
            handler.send_response(206)
            handler.send_header("Content-Range", f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}")
        else:
            handler.send_response(reply.status)
        body = CONTENT[start:]
        handler.send_header("Content-Length", str(len(body)))
        if reply.etag:
            handler.send_header("ETag", reply.etag)
        for name, value in reply.headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body if reply.cut is None else body[: reply.cut])
        handler.close_connection = True

    def stop(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "*")
    running = Server()
    yield running
    running.stop()


def fetch(server: Server, target: Path, sha256: str = SHA256) -> Path:
    return download(server.url, target, sha256=sha256, pause=0.0)


def failure(server: Server, target: Path, sha256: str = SHA256) -> Problem:
    with pytest.raises(ProblemError) as caught:
        fetch(server, target, sha256)
    return caught.value.problem


def left_over(target: Path) -> list[str]:
    return sorted(file.name for file in target.parent.iterdir())


def test_a_complete_download_leaves_no_other_file(server: Server, tmp_path: Path) -> None:
    target = tmp_path / "模型 🦊" / "model.gguf"
    target.parent.mkdir()
    seen: list[tuple[int, int | None]] = []
    download(server.url, target, sha256=SHA256, progress=lambda *at: seen.append(at))
    assert target.read_bytes() == CONTENT
    assert left_over(target) == ["model.gguf"]
    assert seen[0] == (0, len(CONTENT))
    assert seen[-1] == (len(CONTENT), len(CONTENT))


def test_a_complete_file_is_not_downloaded_again(server: Server, tmp_path: Path) -> None:
    target = tmp_path / "model.gguf"
    target.write_bytes(CONTENT)
    fetch(server, target)
    assert server.asked == []


def test_a_broken_connection_is_resumed(server: Server, tmp_path: Path) -> None:
    server.replies = [Reply(cut=100_000), Reply(cut=200_000)]
    target = fetch(server, tmp_path / "model.gguf")
    assert target.read_bytes() == CONTENT
    assert server.asked == [None, "bytes=100000-", "bytes=300000-"]


def test_a_later_call_resumes_the_partial_file(server: Server, tmp_path: Path) -> None:
    target = tmp_path / "model.gguf"
    server.replies = [Reply(cut=100_000), *[Reply(status=503)] * TRIES]
    assert failure(server, target).kind == "model_missing"
    assert partial_bytes(target) == 100_000
    assert fetch(server, target).read_bytes() == CONTENT
    assert server.asked[-1] == "bytes=100000-"


def test_a_file_that_changed_on_the_server_is_downloaded_from_the_start(
    server: Server, tmp_path: Path
) -> None:
    server.replies = [Reply(cut=100_000, etag='"old"')]
    target = fetch(server, tmp_path / "model.gguf")
    assert target.read_bytes() == CONTENT


def test_a_range_beyond_the_end_starts_over_once_and_is_a_sentence_after_that(
    server: Server, tmp_path: Path
) -> None:
    target = tmp_path / "model.gguf"
    server.replies = [Reply(cut=100_000), Reply(status=416)]
    assert fetch(server, target).read_bytes() == CONTENT
    assert server.asked == [None, "bytes=100000-", None]

    other = tmp_path / "other.gguf"
    server.replies = [Reply(cut=100_000), *[Reply(status=416)] * 2 * TRIES]
    found = failure(server, other)
    assert found.kind == "bad_input" and "416" in str(found.message)
    server.replies = []
    assert fetch(server, other).read_bytes() == CONTENT


def test_without_range_support_the_download_starts_over(server: Server, tmp_path: Path) -> None:
    server.replies = [Reply(cut=100_000), Reply(ranges=False)]
    assert fetch(server, tmp_path / "model.gguf").read_bytes() == CONTENT


def test_without_an_etag_only_a_file_with_a_known_hash_is_resumed(
    server: Server, tmp_path: Path
) -> None:
    server.replies = [Reply(cut=100_000, etag=""), Reply(etag="", weak_ranges=True)]
    assert fetch(server, tmp_path / "model.gguf").read_bytes() == CONTENT
    server.replies = [Reply(cut=100_000, etag=""), Reply(etag="", weak_ranges=True)]
    assert fetch(server, tmp_path / "other.gguf", sha256="").read_bytes() == CONTENT
    assert server.asked == [None, "bytes=100000-", None, None]


def test_a_resumed_file_with_a_wrong_hash_is_downloaded_once_more(
    server: Server, tmp_path: Path
) -> None:
    target = tmp_path / "model.gguf"
    server.replies = [Reply(cut=100_000), *[Reply(status=503)] * TRIES]
    failure(server, target)
    part = target.with_name("model.gguf.part")
    part.write_bytes(b"x" * 100_000)
    assert fetch(server, target).read_bytes() == CONTENT
    assert server.asked[-2:] == ["bytes=100000-", None]


def test_a_file_of_another_size_than_announced_is_refused(server: Server, tmp_path: Path) -> None:
    with pytest.raises(ProblemError) as caught:
        download(server.url, tmp_path / "model.gguf", size=len(CONTENT) - 1, pause=0.0)
    assert caught.value.problem.kind == "model_broken"
    assert "has changed" in str(caught.value.problem.message)


def test_a_busy_server_is_retried_after_the_time_it_names(server: Server, tmp_path: Path) -> None:
    server.replies = [Reply(status=429, headers={"Retry-After": "0"}), Reply(status=502)]
    assert fetch(server, tmp_path / "model.gguf").read_bytes() == CONTENT
    assert len(server.asked) == 3


def test_a_retry_after_of_an_hour_is_not_waited_for(server: Server, tmp_path: Path) -> None:
    server.replies = [Reply(status=429, headers={"Retry-After": "3600"})]
    error = failure(server, tmp_path / "model.gguf")
    assert "60 min" in str(error.message)


@pytest.mark.parametrize(
    ("status", "word"), [(401, "signed in"), (403, "signed in"), (404, "no file"), (418, "refused")]
)
def test_a_refused_request_is_reported_and_not_retried(
    server: Server, tmp_path: Path, status: int, word: str
) -> None:
    server.replies = [Reply(status=status)]
    error = failure(server, tmp_path / "model.gguf")
    assert error.kind == "bad_input"
    assert word in str(error.message)
    assert len(server.asked) == 1


def test_a_file_with_a_wrong_hash_is_deleted(server: Server, tmp_path: Path) -> None:
    error = failure(server, tmp_path / "model.gguf", sha256="0" * 64)
    assert error.kind == "model_broken"
    assert left_over(tmp_path / "model.gguf") == []


def test_a_web_page_is_not_taken_for_a_model(server: Server, tmp_path: Path) -> None:
    server.replies = [Reply(headers={"Content-Type": "text/html; charset=utf-8"})]
    assert "web page" in str(failure(server, tmp_path / "model.gguf").message)


def test_a_cancelled_download_keeps_its_partial_file(server: Server, tmp_path: Path) -> None:
    target = tmp_path / "model.gguf"
    stop = StopSignal()

    def stop_after_some(done: int, _total: int | None) -> None:
        if done:
            stop.set()

    with pytest.raises(ProblemError) as caught:
        download(server.url, target, sha256=SHA256, progress=stop_after_some, stop=stop)
    assert caught.value.problem.kind == "cancelled"
    assert 0 < partial_bytes(target) < len(CONTENT)
    assert fetch(server, target).read_bytes() == CONTENT


RESPONSE = (
    f'HTTP/1.1 200 OK\r\nContent-Length: {len(CONTENT)}\r\nETag: "one"\r\n\r\n'
).encode() + CONTENT


@pytest.mark.parametrize("cut", [*range(RESPONSE.index(CONTENT) + 2), len(RESPONSE) - 1])
def test_a_response_that_is_cut_at_any_byte_is_asked_for_again(tmp_path: Path, cut: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            for length in (cut, len(RESPONSE)):
                connection, _ = listening.accept()
                with connection:
                    asked = connection.recv(10_000)
                    connection.sendall(RESPONSE[:length] if b"Range" not in asked else partial)

        missing = RESPONSE[cut:]
        partial = (
            f'HTTP/1.1 206 Partial Content\r\nContent-Length: {len(missing)}\r\nETag: "one"\r\n'
            f"Content-Range: bytes {len(CONTENT) - len(missing)}-{len(CONTENT) - 1}/{len(CONTENT)}"
            "\r\n\r\n"
        ).encode() + missing
        thread = threading.Thread(target=answer)
        thread.start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/model.gguf"
        assert download(url, tmp_path / "x", sha256=SHA256, pause=0.0).read_bytes() == CONTENT
        thread.join()


def test_a_download_from_a_server_that_stalls_can_be_stopped(tmp_path: Path) -> None:
    stop = StopSignal()
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(10_000)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nfirst")
                connection.recv(1)  # until the client hangs up

        threading.Thread(target=answer).start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/model.gguf"

        def stop_after_some(done: int, _total: int | None) -> None:
            if done:
                threading.Timer(0.05, stop.set).start()

        with pytest.raises(ProblemError) as caught:
            download(url, tmp_path / "model.gguf", progress=stop_after_some, stop=stop)
    assert caught.value.problem.kind == "cancelled"


def test_too_little_disk_space_is_reported_before_the_download(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    assert failure(server, tmp_path / "model.gguf").kind == "disk_full"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_disk_that_fills_up_is_reported(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "model.gguf"
    original = Path.open

    def open_full(path: Path, mode: str = "r", *args: Any, **names: Any) -> object:
        place = Path("/dev/full") if path.suffix == ".part" else path
        return original(place, mode, *args, **names)

    monkeypatch.setattr(Path, "open", open_full)
    assert failure(server, target).kind == "disk_full"


@pytest.mark.parametrize("url", ["ftp://a/b", "model.gguf", "http://example.org/model.gguf"])
def test_an_invalid_or_unencrypted_url_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(ProblemError) as caught:
        download(url, tmp_path / "model.gguf")
    assert caught.value.problem.kind == "bad_input"


def test_an_unreachable_server_is_reported(server: Server, tmp_path: Path) -> None:
    server.stop()
    error = failure(server, tmp_path / "model.gguf")
    assert "cannot be reached" in str(error.message)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the system's proxy is asked too")
def test_the_proxy_of_the_environment_is_used(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("no_proxy")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.setenv("http_proxy", server.url.rsplit("/", 1)[0])
    target = download("http://models.invalid/a.gguf", tmp_path / "a.gguf", sha256=SHA256)
    assert target.read_bytes() == CONTENT
    assert server.paths == ["http://models.invalid/a.gguf"]
