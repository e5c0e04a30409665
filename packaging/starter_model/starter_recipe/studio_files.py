"""The files that only Prompt Studio reads in the model folder: `studio.json`, `starter.json`."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

_STYLES = ("", ", flat style", ", gradient style", ", noto style", ", classic style")

FACTS = {
    "background": "white",
    "width": 128,
    "height": 128,
    "steps": 4,
    "guidance_scale": 1.0,
    "precision": "float32",
    "unused": ["negative_prompt", "guidance_scale", "width", "height", "scheduler"],
    "draws": "icons",
    "alike": True,
    # Names nothing; known words that name no single thing. Each in every style.
    "unknown_prompts": [
        prompt + style for prompt in ("zzzz qqqq", "a cat wearing a hat") for style in _STYLES
    ],
    "unknown_shows": ["question mark", "问号", "❓", "❔"],
}
"""Defaults, fields of a request that do not help with this model, and prompts it does not know."""


def write_studio_files(folder: Path) -> None:
    """Write `studio.json`, and `starter.json` with the hash of each weight file."""
    weights = sorted(folder.rglob("*.safetensors"))
    manifest = {
        "name": "Starter icons",
        "licence": "Apache-2.0",
        "files": {
            path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in weights
        },
    }
    for name, content in (("studio.json", FACTS), ("starter.json", manifest)):
        (folder / name).write_text(
            json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
        )
