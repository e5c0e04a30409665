"""`studio serve` in a process of its own, for tests."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from openai import OpenAI

from tests.e2e.conftest import ROOT

TEXT_MODEL = "smollm2-135m-instruct"
PICTURE_MODEL = "starter-icons"
_SECONDS = 120.0


@dataclass
class Served:
    """A server that runs."""

    process: subprocess.Popen[str]
    port: int
    token: str
    home: Path

    @property
    def client(self) -> OpenAI:
        """The official client."""
        return OpenAI(
            base_url=f"http://127.0.0.1:{self.port}/v1", api_key=self.token, max_retries=0
        )

    def send(
        self, path: str, body: bytes | None = None, /, **headers: str
    ) -> tuple[int, dict[str, Any]]:
        """Send a plain request; return status and content."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_SECONDS)
        sent = {"authorization": f"Bearer {self.token}"} | headers
        try:
            connection.request("GET" if body is None else "POST", path, body, sent)
            response = connection.getresponse()
            return response.status, json.loads(response.read() or b"{}")
        finally:
            connection.close()

    def stop(self) -> tuple[int, str]:
        """Press Ctrl+C; return the exit status and what was printed on standard error."""
        self.process.send_signal(signal.SIGINT)
        _, complaint = self.process.communicate(timeout=_SECONDS)
        return self.process.returncode, complaint


@contextmanager
def served(home: Path, *arguments: str, fake: str = "") -> Iterator[Served]:
    """Start a server on a free port; end it at the end."""
    kept = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY")}
    process = subprocess.Popen(
        [sys.executable, "-m", "studio", "serve", "--port", "0", *arguments],
        cwd=ROOT,
        env=kept | {"STUDIO_HOME": str(home), "STUDIO_FAKE_ENGINE": fake},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    assert process.stdout is not None
    try:
        address = process.stdout.readline()
        token = process.stdout.readline()
        assert address.startswith("Address: "), process.communicate()
        port = int(address.strip().removesuffix("/v1").rpartition(":")[2])
        yield Served(process, port, token.split()[-1], home)
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def eventually(is_true: Callable[[], bool]) -> bool:
    """Wait until something is true; return whether it became true."""
    end = time.monotonic() + _SECONDS
    while time.monotonic() < end:
        if is_true():
            return True
        time.sleep(0.02)
    return False
