"""The CLIP tokenizer, which single-file checkpoints need but do not contain.

`clip_merges.txt.gz` contains the 48,894 merges that CLIP uses from its published list
(https://github.com/openai/CLIP, file `bpe_simple_vocab_16e6.txt.gz`, MIT, © 2021 OpenAI). The
vocabulary is derived from them in the order defined by `clip/simple_tokenizer.py` there.
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path

_MERGES = Path(__file__).with_name("clip_merges.txt.gz")

_START, _END = "<|startoftext|>", "<|endoftext|>"


def write_clip_tokenizer(folder: Path, *, pad_token: str = _END) -> None:
    """Write a CLIP tokenizer for transformers to `folder`, which is created if needed.

    `pad_token` is `<|endoftext|>` for OpenAI's text encoders and `!` for OpenCLIP's.
    """
    folder.mkdir(parents=True, exist_ok=True)
    merges = gzip.decompress(_MERGES.read_bytes()).decode("utf-8").splitlines()
    letters = byte_letters()
    tokens = [*letters, *(f"{letter}</w>" for letter in letters)]
    tokens += ["".join(merge.split()) for merge in merges]
    tokens += [_START, _END]
    vocabulary = {token: index for index, token in enumerate(tokens)}
    (folder / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False), encoding="utf-8")
    (folder / "merges.txt").write_text(
        "#version: 0.2\n" + "\n".join(merges) + "\n", encoding="utf-8"
    )
    (folder / "tokenizer_config.json").write_text(
        json.dumps(
            {
                "tokenizer_class": "CLIPTokenizer",
                "bos_token": _START,
                "eos_token": _END,
                "unk_token": _END,
                "pad_token": pad_token,
                "model_max_length": 77,
                "do_lower_case": True,
            }
        ),
        encoding="utf-8",
    )


def byte_letters() -> list[str]:
    """Return a printable character for each byte, printable bytes first (byte-level BPE)."""
    printable = [
        *range(ord("!"), ord("~") + 1),
        *range(ord("¡"), ord("¬") + 1),
        *range(ord("®"), ord("ÿ") + 1),
    ]
    others = [byte for byte in range(256) if byte not in set(printable)]
    return [chr(byte) for byte in printable] + [chr(256 + place) for place in range(len(others))]
