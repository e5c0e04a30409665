"""The token of the server is made once, and only its user can read it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from studio.protocol import ProblemError
from studio.serve.access_token import kept_token


def test_a_token_is_made_once_and_kept_private(tmp_path: Path) -> None:
    file = tmp_path / "home" / "serve_token"
    token = kept_token(file)
    assert kept_token(file) == token
    assert os.name == "nt" or stat.S_IMODE(file.stat().st_mode) == 0o600
    assert kept_token(file, is_new=True) != token


@pytest.mark.skipif(os.name == "nt", reason="Windows has other permissions")
def test_a_token_that_others_could_read_is_replaced(tmp_path: Path) -> None:
    file = tmp_path / "serve_token"
    token = kept_token(file)
    file.chmod(0o644)
    assert kept_token(file) != token
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize("content", [b"", b"short\n", b"\xff" * 40, b"with some spaces inside it"])
def test_a_file_without_a_valid_token_is_replaced(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "serve_token"
    file.write_bytes(content)
    file.chmod(0o600)
    assert len(kept_token(file)) > 30


def test_a_token_that_cannot_be_saved_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ProblemError, match="token cannot be saved"):
        kept_token(tmp_path / "file" / "serve_token")
