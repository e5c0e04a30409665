"""The address of the hub: the user's setting, HF_ENDPOINT, or huggingface.co."""

from __future__ import annotations

import ipaddress
import os
from contextlib import suppress
from urllib.parse import urlsplit

from studio.protocol import problem
from studio.settings import Settings

OFFICIAL = "https://huggingface.co"

MIRROR = "https://hf-mirror.com"
"""Suggested where the official address cannot be reached, as in mainland China."""

HUB_HOSTS = ("huggingface.co", "www.huggingface.co", "hf.co", "hf-mirror.com")


def hub_endpoint(settings: Settings) -> str:
    """Return the address of the hub without a slash at the end.

    Raises `ProblemError` (`bad_input`) if the configured one is not an address.
    """
    text = settings.hub_endpoint or os.environ.get("HF_ENDPOINT", "") or OFFICIAL
    text = text.strip().rstrip("/")
    parts = urlsplit(text)
    is_local = _is_this_machine(parts.hostname or "")
    if not parts.hostname or not (parts.scheme == "https" or (parts.scheme == "http" and is_local)):
        raise problem(
            "bad_input",
            "{address} is not the address of a model hub. It must start with https://, such as "
            "{example}.",
            address=text,
            example=OFFICIAL,
        )
    return text


def host_of(endpoint: str) -> str:
    """Return host and port of an endpoint."""
    return urlsplit(endpoint).netloc.rpartition("@")[2].casefold()


def _is_this_machine(host: str) -> bool:
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"
