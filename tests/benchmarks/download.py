"""A large file from a server on this machine, verified, against curl, which verifies nothing."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from studio.downloads.ranged_download import download
from tests.benchmarks.table import Row, pairs, spread

SIZE = 2_000_000_000
_BLOCK = 1 << 24
_TARGET = 0.9

# A process of its own, so that it shares no interpreter lock with the download.
_SERVER = """
import http.server, os, sys

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        with open(sys.argv[1], "rb") as file:
            size = os.fstat(file.fileno()).st_size
            self.send_response(200)
            self.send_header("Content-Length", str(size))
            self.send_header("ETag", '"large"')
            self.end_headers()
            self.wfile.flush()
            self.connection.sendfile(file)

    def log_message(self, *_):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
"""


def large_file(rounds: int) -> Row:
    """2 GB; both write to the same disk and wait for it."""
    curl = shutil.which("curl")
    if curl is None:
        return Row("download ÷ curl", f"≥ {_TARGET}", "curl is not installed", None)
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "large", Path(folder) / "copy"
        digest = hashlib.sha256()
        with source.open("wb") as file:
            for _ in range(0, SIZE, _BLOCK):
                block = os.urandom(_BLOCK)
                file.write(block)
                digest.update(block)
        command = [sys.executable, "-c", _SERVER, str(source)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout is not None
            url = f"http://127.0.0.1:{server.stdout.readline().strip()}/large"

            def by_curl() -> float:
                start = time.perf_counter()
                subprocess.run([curl, "-s", "-o", target, url], check=True)
                with target.open("rb+") as file:
                    os.fsync(file.fileno())
                seconds = time.perf_counter() - start
                target.unlink()
                return seconds

            def by_us() -> float:
                start = time.perf_counter()
                download(url, target, sha256=digest.hexdigest())
                seconds = time.perf_counter() - start
                target.unlink()
                return seconds

            by_curl()
            theirs, ours, ratios = pairs(by_curl, by_us, rounds)
            server.kill()
    ratio = sorted(ratios)[len(ratios) // 2]
    return Row(
        "speed of a verified download of 2 GB ÷ curl",
        f"≥ {_TARGET}",
        f"{spread(ratios)}, {spread(ours, 1)} s",
        ratio >= _TARGET,
        {"curl": theirs, "ours": ours, "ratio": ratios},
    )
