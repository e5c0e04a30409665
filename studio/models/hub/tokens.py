"""Access tokens of the hub: in the system's keyring, one for each endpoint.

Without one there, HF_TOKEN and huggingface_hub's own file are used, which are meant for the
configured endpoint. A token is part of no message, file or log of this app.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Literal, TypeAlias

from studio.formats.untrusted_files import read_start
from studio.models.hub.endpoint import OFFICIAL, host_of
from studio.protocol import problem

_SERVICE = "Prompt Studio"
_VARIABLES = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
_TOKEN = re.compile(r"[!-~]{8,400}")

Place: TypeAlias = Literal["keyring", "environment", "file", "none"]


def token_for(endpoint: str, configured: str) -> str:
    """Return the token for an endpoint, "" if there is none. `configured` is the user's one."""
    return _find(endpoint, configured)[0]


def token_place(endpoint: str, configured: str) -> Place:
    """Return where the token for an endpoint is kept."""
    return _find(endpoint, configured)[1]


def save_token(endpoint: str, token: str) -> None:
    """Keep a token in the system's keyring. Raises `ProblemError`."""
    token = token.strip()
    if not _TOKEN.fullmatch(token):
        raise problem(
            "bad_input",
            "This is not an access token. Copy it from the settings of your account: {page}",
            page=f"{endpoint}/settings/tokens",
        )
    import keyring
    from keyring.errors import KeyringError

    try:
        keyring.set_password(_SERVICE, host_of(endpoint), token)
    except (KeyringError, RuntimeError, OSError) as error:
        raise problem(
            "bad_input",
            "This system has no keyring that the token could be kept in, or it is locked. Unlock "
            "it, or set the environment variable HF_TOKEN instead.",
            detail=type(error).__name__,
        ) from None


def clear_token(endpoint: str) -> bool:
    """Delete the token from the system's keyring. Returns whether there was one."""
    import keyring
    from keyring.errors import KeyringError

    try:
        keyring.delete_password(_SERVICE, host_of(endpoint))
    except (KeyringError, RuntimeError, OSError):
        return False
    return True


def _find(endpoint: str, configured: str) -> tuple[str, Place]:
    if token := _in_keyring(endpoint):
        return token, "keyring"
    if host_of(endpoint) not in (host_of(configured), host_of(OFFICIAL)):
        return "", "none"
    for name in _VARIABLES:
        if token := _cleaned(os.environ.get(name, "")):
            return token, "environment"
    if token := _in_file():
        return token, "file"
    return "", "none"


def _in_keyring(endpoint: str) -> str:
    import keyring
    from keyring.errors import KeyringError

    try:
        return _cleaned(keyring.get_password(_SERVICE, host_of(endpoint)) or "")
    except (KeyringError, RuntimeError, OSError):
        return ""


def _in_file() -> str:
    """Return the token that `hf auth login` saved."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache")
    home = os.environ.get("HF_HOME") or cache / "huggingface"
    try:
        path = Path(os.environ.get("HF_TOKEN_PATH") or Path(home) / "token").expanduser()
        return _cleaned(read_start(path, 1000).decode("ascii"))
    except (OSError, UnicodeDecodeError, RuntimeError):
        return ""


def _cleaned(token: str) -> str:
    token = token.strip()
    return token if _TOKEN.fullmatch(token) else ""
