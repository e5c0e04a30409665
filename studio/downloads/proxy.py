"""The proxy that the user chose, for everything that this process asks of the network.

urllib and httpx both read the environment, and without it the settings of Windows and macOS.
"""

from __future__ import annotations

import os
import sys
import threading
import urllib.request
from urllib.parse import urlsplit

from studio.protocol import problem

_NAMES = ("HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy")
_LOCAL = "localhost,127.0.0.1,::1"
_lock = threading.Lock()
_before: dict[str, str | None] = {}
"""The environment as it was before a proxy was set here."""


def use_proxy(address: str) -> None:
    """Send requests through the proxy at `address` from now on; "" means as the system says.

    Raises `ProblemError` (`bad_input`) if it is not the address of a proxy.
    """
    if address:
        address = checked_proxy(address)
    with _lock:
        present = {name: os.environ.get(name) for name in (*_NAMES, "no_proxy", "NO_PROXY")}
        wanted = dict(_before) if _before else dict(present)
        if address:
            wanted |= dict.fromkeys(_NAMES, address)
            if not (wanted["no_proxy"] or wanted["NO_PROXY"]):
                wanted["no_proxy"] = _LOCAL
        if wanted == present:
            return
        if not _before:
            _before.update(present)
        for name, value in wanted.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        if not address:
            _before.clear()
        # Its client read the environment when it was made.
        hub = sys.modules.get("huggingface_hub")
        if hub is not None:
            hub.close_session()


def checked_proxy(address: str) -> str:
    """Return the address of a proxy with its scheme. Raises `ProblemError` (`bad_input`)."""
    text = address.strip().rstrip("/")
    if "://" not in text:
        text = f"http://{text}"
    try:
        parts = urlsplit(text)
        is_valid = parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.path
        is_valid = is_valid and parts.port is not None
    except ValueError:
        is_valid = False
    if not is_valid or any(mark in text for mark in " \t\r\n"):
        raise problem(
            "bad_input",
            "{address} is not the address of a proxy. It looks like {example}; SOCKS is not "
            "supported.",
            address=address,
            example="http://127.0.0.1:7890",
        )
    return text


def system_proxy() -> str:
    """Return host and port of the proxy that the system or the environment names, or ""."""
    proxies = urllib.request.getproxies()
    text = proxies.get("https") or proxies.get("http") or ""
    return urlsplit(text).netloc.rpartition("@")[2] or text
