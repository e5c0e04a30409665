"""A library as a newer version would write it: unknown tasks, values and fields."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import wave
from pathlib import Path

from studio.kinds.coding import recipe_from_json
from studio.library.folder.file_placing import hash_file
from studio.library.folder.marks_file import MARKS_FILE
from studio.library.index.asset_writer import AssetWriter, FinishedFile
from studio.library.index.database import FILE_NAME, Database
from studio.library.recipes.metadata import write_with_recipe
from studio.library.store import Library
from tests.unit.conftest import png_bytes

CREATED = "2031-05-06T07:08:09.123+00:00"

SPEECH = '{"task":"hologram","prompt":"Read the sea aloud", "voice":"anna","speed":1.50,"seed":7}'
FILM = '{"seed": 7, "task": "panorama", "prompt": "Waves at the sea", "frames": {"count": 48}}'
STEPS = '{"task":"image","prompt":"a very patient fox","seed":7,"steps":9000}'
SCALE = '{"task":"upscale","input":{"path":"/pictures/barn.png"},"scale":8,"seed":7}'
WARM = '{"task":"text","prompt":"an overheated fox","seed":7,"temperature":9.0}'
FIELD = '{"task":"image","prompt":"a fox, lit well","seed":7,"lighting":{"from":"left"}}'
TYPE = '{"task":"image","prompt":"a fox, somehow","seed":7,"steps":"many"}'
INPUT = '{"task":"upscale","input":{"path":"/pictures/mill.png"},"scale":2.5,"denoise":0.1}'

FILES = {
    "hologram.md": SPEECH,
    "hologram.png": SPEECH,
    "hologram.wav": SPEECH,
    "film.png": FILM,
    "steps.png": STEPS,
    "scale.png": SCALE,
    "warm.md": WARM,
    "field.png": FIELD,
    "type.png": TYPE,
    "input.png": INPUT,
}
"""Files in the library, and the request in the recipe of each."""

REQUESTS = tuple(dict.fromkeys(FILES.values()))

ANSWER = "The answer, on one line.\n"


def asset_of(name: str) -> str:
    """Return the id of the asset of a file."""
    return f"newer-{name.replace('.', '-')}-0"


def recipe_text(name: str) -> str:
    """Return the recipe of a file: `watermark` is unknown here, `stats` has another type."""
    return (
        '{"version":2,"app":"Prompt Studio 9.0","request":' + FILES[name] + ',"row":0,"seed":7,'
        f'"job":"{asset_of(name)[:-2]}","created":"{CREATED}","model_id":"m","model_name":"M",'
        '"timings":{"load":2.0,"total":0.5},"labels":{"shelf":"new"},"stats":["none"],'
        '"watermark":{"strength":0.25,"keys":["a","b"]}}'
    )


def write_library(root: Path) -> None:
    """Make a library in `root` with `FILES`, a waiting job of each request, and a newer index."""
    folder = root / "2031-05-06"
    folder.mkdir(parents=True)
    for name in FILES:
        _write_file(folder / name)
    Library.open(root).close()
    with contextlib.closing(sqlite3.connect(root / FILE_NAME)) as db, db:
        for place, request in enumerate(REQUESTS):
            add_job(db, f"waiting-{place}", request, position=place - 100)
        db.execute("ALTER TABLE assets ADD COLUMN rating INTEGER NOT NULL DEFAULT 0")
        db.execute("ALTER TABLE jobs ADD COLUMN lane TEXT NOT NULL DEFAULT 'local'")
        db.execute("CREATE TABLE voices (name TEXT PRIMARY KEY, sample BLOB)")
        db.execute("INSERT INTO voices VALUES ('anna', x'00ff')")
        db.execute("PRAGMA user_version = 99")
    sound = folder / "hologram.wav"
    recipe = recipe_from_json(recipe_text(sound.name))
    database = Database(root)
    writer = AssetWriter(database, root)
    writer.insert(FinishedFile(sound, recipe, sound.stat().st_size, hash_file(sound)))
    database.close()
    line = {"asset": asset_of("steps.png"), "starred": True, "rating": 4, "origin": ""}
    (root / MARKS_FILE).write_text(json.dumps(line) + "\n")
    library = Library.open(root)
    library.rebuild()
    library.close()


def _write_file(path: Path) -> None:
    text = recipe_text(path.name)
    if path.suffix == ".md":
        path.write_text(f"---\nseed: 7\nprompt_studio: {text}\n---\n\n{ANSWER}", "utf-8")
    elif path.suffix == ".png":
        source = path.with_suffix(".source")
        source.write_bytes(png_bytes())
        write_with_recipe(source, path, recipe_from_json(text))
        source.unlink()
    else:
        with wave.open(str(path), "wb") as sound:
            sound.setparams((1, 2, 8000, 0, "NONE", ""))
            sound.writeframes(bytes(800))
        with path.open("ab") as file:
            file.write(b"rcpe" + len(text).to_bytes(4, "little") + text.encode())


def add_job(
    db: sqlite3.Connection,
    name: str,
    request: str,
    *,
    position: float = 0.0,
    status: str = "queued",
    **columns: object,
) -> None:
    """Insert a job into the index as another version would write it."""
    values = {
        "id": name,
        "task": str(json.loads(request)["task"]),
        "model": "",
        "request": request,
        "count": 1,
        "status": status,
        "position": position,
        "created": CREATED,
        **columns,
    }
    names, marks = ", ".join(values), ", ".join("?" * len(values))
    db.execute(f"INSERT INTO jobs ({names}) VALUES ({marks})", tuple(values.values()))
