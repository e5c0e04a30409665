"""What the folder says about itself to Prompt Studio; other programs need none of it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

FACTS = {
    "background": "white",
    "width": 128,
    "height": 128,
    "steps": 4,
    "guidance_scale": 1.0,
    "precision": "float32",
    "unused": [
        *("negative_prompt", "guidance_scale", "width", "height", "scheduler"),
        *("image", "strength"),
    ],
}
"""Defaults, and fields of a request that have no good effect with this model."""


def write_facts(folder: Path) -> None:
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
        (folder / name).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
