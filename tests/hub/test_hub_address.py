"""What a person pastes, and what is meant by it."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from studio.downloads.pack import pack_size
from studio.models.hub.hub_address import (
    Address,
    FileAddress,
    LocalAddress,
    RepositoryAddress,
    parse_address,
)
from studio.protocol import ProblemError

HUB = "https://hub.example"
MIRROR = "https://hf-mirror.com"


def repository(name: str = "Qwen/Qwen3.5-2B", **more: str) -> RepositoryAddress:
    return RepositoryAddress(**{"endpoint": HUB, "repository": name, **more})


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("Qwen/Qwen3.5-2B", repository()),
        (" <Qwen/Qwen3.5-2B> ", repository()),
        ("gpt2", repository("gpt2")),
        ("Qwen/Qwen3.5-2B@v1.0", repository(revision="v1.0")),
        ("u/Q-GGUF:Q4_K_M", repository("u/Q-GGUF", quantisation="Q4_K_M")),
        ("u/Q/sub/a.gguf", repository("u/Q", file="sub/a.gguf")),
        ("hf://u/Q/a.gguf", repository("u/Q", file="a.gguf")),
        ("https://huggingface.co/Qwen/Qwen3.5-2B", repository()),
        ("HTTPS://huggingface.co/Qwen/Qwen3.5-2B/tree/main?x=1#files", repository()),
        ("https://hf.co/Qwen/Qwen3.5-2B/discussions/3", repository()),
        ("https://huggingface.co/gpt2/tree/main", repository("gpt2")),
        ("https://hub.example/a/b/tree/refs%2Fpr%2F1", repository("a/b", revision="refs/pr/1")),
        (
            "https://huggingface.co/a/b/blob/main/x%20y/z.gguf",
            repository("a/b", file="x y/z.gguf"),
        ),
        (
            "https://huggingface.co/a/b/resolve/v2/z.gguf?download=true",
            repository("a/b", revision="v2", file="z.gguf"),
        ),
        (f"{MIRROR}/a/b", repository("a/b", endpoint=MIRROR)),
        (
            "https://civitai.com/models/12/name?modelVersionId=34",
            FileAddress("https://civitai.com/api/download/models/34"),
        ),
        (
            "https://civitai.com/api/download/models/34?type=Model",
            FileAddress("https://civitai.com/api/download/models/34?type=Model"),
        ),
        (
            "https://github.com/o/r/releases/download/v1/x4.pth",
            FileAddress("https://github.com/o/r/releases/download/v1/x4.pth", "x4.pth"),
        ),
        (
            "https://github.com/o/r/blob/main/x4.pth",
            FileAddress("https://github.com/o/r/raw/main/x4.pth", "x4.pth"),
        ),
        ("file:///media/usb/my%20pack.zip", LocalAddress(Path("/media/usb/my pack.zip"))),
        ("/media/usb/pack", LocalAddress(Path("/media/usb/pack"))),
        ("../pack", LocalAddress(Path("../pack").absolute())),
    ],
)
def test_an_address_is_understood(text: str, meant: Address) -> None:
    assert parse_address(text, HUB) == meant


@pytest.mark.parametrize(
    "text",
    [
        *("", "two words", "a/b c", "a//b", "../", "a/b@", "a/b:", "ftp://x/y", "http://[::1"),
        *("file://", "file:///", "file://]", "file://[::1", "file:///a%00", "~\0", "~\ud800"),
        *("https://[x]/a", "\ud800/a"),
        "https://huggingface.co/",
        "https://huggingface.co/datasets/a/b",
        "https://huggingface.co/..%2F..%2Fetc",
        "https://civitai.com/models/12/name",
        "https://example.org:x/y",
    ],
)
def test_other_texts_are_refused_with_a_sentence(text: str) -> None:
    try:
        meant = parse_address(text, HUB)
    except ProblemError as error:
        assert error.problem.kind == "bad_input"
        msgspec.json.encode(error.problem)
    else:
        assert isinstance(meant, LocalAddress)
        with pytest.raises(ProblemError):
            pack_size(meant.path / "nothing")
