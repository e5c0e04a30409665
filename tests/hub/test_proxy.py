"""The proxy of the settings: the client of the hub and downloads use it; a wrong one is said."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from studio.downloads.http_open import open_url
from studio.downloads.http_problems import RetryableError
from studio.downloads.proxy import system_proxy, use_proxy
from studio.jobs.get_model import hub_client
from studio.protocol import ProblemError
from studio.settings import Settings

VARIABLES = ("HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy", "no_proxy", "NO_PROXY")


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, list[str]]]:
    """A proxy that refuses everything, and what it was asked for."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(502)

        do_CONNECT = do_GET

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"127.0.0.1:{server.server_address[1]}", asked
    use_proxy("")
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_hub_and_downloads_go_through_the_proxy(proxy: tuple[str, list[str]]) -> None:
    address, asked = proxy
    settings = Settings(proxy=address, hub_endpoint="https://hub.example")
    with pytest.raises(ProblemError, match="cannot be reached"):
        hub_client(settings).search("fox")
    with pytest.raises((ProblemError, RetryableError)):
        open_url("http://files.example/model.gguf", {})
    assert asked == ["hub.example:443", "http://files.example/model.gguf"]
    assert system_proxy() == address
    use_proxy("")
    assert not any(name in os.environ for name in VARIABLES)


def test_a_change_of_the_proxy_counts_for_the_next_question(proxy: tuple[str, list[str]]) -> None:
    address, asked = proxy
    for used in ("http://127.0.0.1:9", address):
        settings = Settings(proxy=used, hub_endpoint="https://hub.example")
        with pytest.raises(ProblemError):
            hub_client(settings).search("fox")
    assert asked == ["hub.example:443"]


def test_this_machine_is_never_asked_for_through_the_proxy(proxy: tuple[str, list[str]]) -> None:
    address, asked = proxy
    use_proxy(address)
    with pytest.raises((ProblemError, RetryableError)):
        open_url("http://127.0.0.1:9/model.gguf", {})
    assert not asked


@pytest.mark.parametrize("text", ["socks5://127.0.0.1:1080", "http://", "a b:1", "proxy", "x:0y"])
def test_what_is_no_proxy_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ProblemError, match="not the address of a proxy"):
        use_proxy(text)
