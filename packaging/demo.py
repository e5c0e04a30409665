"""The demonstration: text, upscaled photographs, pictures, and an animatic with a voice.

It calls the `studio` command and writes into a new folder below `demo/` each time; every file
there carries its recipe. Its library and settings are in `demo/.state`, so that those of the user
stay as they are.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PHOTOGRAPHS = ROOT / "resources" / "demo"

TEXTS = (
    ("Write a slogan for a bicycle repair shop.", 7),
    ("Write a short, friendly welcome note for the guests of a small hotel.", 21),
)
ENLARGED = ((("astronaut.png", "cat.png"), 2), (("coffee.png",), 4))
PICTURES = (("fire engine, 3d style", 3), ("smiling cat face, flat style", 11))
VARIATIONS = 4
SCRIPT = PHOTOGRAPHS / "storyboard.md"
"""Five shots of four seconds, in words that the starter models draw and speak."""


@dataclass
class Chapter:
    """One call of the command: its arguments and its results."""

    title: str
    arguments: list[str]
    files: list[Path] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    seconds: float = 0.0


def main() -> int:
    """Run all chapters. Returns 0 where each of them made what it should."""
    out = _new_folder(ROOT / "demo")
    environment = os.environ | {"STUDIO_HOME": str(ROOT / "demo" / ".state")}
    chapters = list(_chapters(out, environment))
    for number, chapter in enumerate(chapters, 1):
        print(f"[{number}/{len(chapters)}] {chapter.title}", flush=True)
        _run(chapter, environment)
        for failure in chapter.failures:
            print(f"      {failure}")
        print(f"      {_files(len(chapter.files))} in {chapter.seconds:.1f} s", flush=True)
    if not any(chapter.arguments[0] == "image" for chapter in chapters):
        print("No image model is installed, so no pictures were made from prompts.")
    _write_summary(out, chapters)
    for chapter in chapters:
        if chapter.arguments[0] == "text" and chapter.files:
            print(f"\n{chapter.title}\n  {_answer(chapter.files[0])}")
    made = sum(len(chapter.files) for chapter in chapters)
    print(f"\n{_files(made)}, each with its recipe, in {out}")
    return 1 if any(chapter.failures or not chapter.files for chapter in chapters) else 0


def _chapters(out: Path, environment: dict[str, str]) -> Iterator[Chapter]:
    for prompt, seed in TEXTS:
        command = f"text -n {VARIATIONS} --seed {seed} --max-tokens 120".split()
        yield Chapter(
            f"Text, {VARIATIONS} variations: {prompt}",
            [*command, "-p", prompt, "-o", str(out / "text")],
        )
    for names, scale in ENLARGED:
        photographs = [str(PHOTOGRAPHS / name) for name in names]
        yield Chapter(
            f"Photographs upscaled {scale} times: {', '.join(names)}",
            ["upscale", *photographs, f"--scale={scale}", "-o", str(out / "upscaled")],
        )
    model = starter_model(environment, "image")
    if model:
        for prompt, seed in PICTURES:
            command = f"image -n {VARIATIONS} --seed {seed} --model {model}".split()
            yield Chapter(
                f"Picture, {VARIATIONS} variations: {prompt}",
                [*command, "-p", prompt, "-o", str(out / "images")],
            )
    voice = starter_model(environment, "speech")
    if model and voice:
        models = [f"--picture-model={model}", f"--voice-model={voice}"]
        yield Chapter(
            f"Storyboard: {SCRIPT.name} as an animatic with voice and subtitles",
            ["storyboard", str(SCRIPT), *models, "-o", str(out / "animatic")],
        )


def starter_model(environment: dict[str, str], task: str) -> str:
    """Return the id of the starter model of a task, or an empty string."""
    listed = subprocess.run(
        [*_studio(), "models", "list", "--json"],
        env=environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    for line in listed.stdout.splitlines():
        model = json.loads(line)
        if model["task"] == task and model.get("source", {}).get("kind") == "starter":
            return str(model["id"])
    return ""


def _run(chapter: Chapter, environment: dict[str, str]) -> None:
    started = time.monotonic()
    command = [*_studio(), *chapter.arguments, "--json"]
    made: list[tuple[int, Path]] = []
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, text=True, encoding="utf-8"
    ) as child:
        assert child.stdout is not None
        for line in child.stdout:
            event = json.loads(line)
            if event["event"] == "asset":
                made.append((event["row"], Path(event["path"])))
            elif event["event"] == "file":
                made.append((0, Path(event["path"])))
            elif event["event"] == "failed":
                chapter.failures.append(str(event["message"]))
    if child.returncode and not chapter.failures:
        chapter.failures.append(f"The command ended with status {child.returncode}.")
    # Short answers are finished first; rows are in the order of the seeds.
    chapter.files = [path for _, path in sorted(made, key=lambda asset: asset[0])]
    chapter.seconds = time.monotonic() - started


def _studio() -> list[str]:
    return [sys.executable, "-m", "studio"]


def _new_folder(parent: Path) -> Path:
    name = time.strftime("%Y-%m-%d-%H%M%S")
    for number in range(1, 1000):
        folder = parent / (name if number == 1 else f"{name}-{number}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        return folder
    raise FileExistsError(parent / name)


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count} files"


def _answer(file: Path) -> str:
    """Return the text of an answer without the recipe in front of it, in one line."""
    text = file.read_text("utf-8")
    if text.startswith("---\n"):
        text = text.split("\n---\n", 1)[-1]
    return " ".join(text.split())


def _write_summary(out: Path, chapters: list[Chapter]) -> None:
    lines = ["# Demonstration", ""]
    for chapter in chapters:
        lines += [f"## {chapter.title}", "", f"{chapter.seconds:.1f} s, by:", ""]
        shown = shlex.join(a.replace(f"{ROOT}{os.sep}", "") for a in chapter.arguments)
        lines += [f"    studio {shown}", ""]
        for file in chapter.files:
            place = file.relative_to(out).as_posix() if file.is_relative_to(out) else str(file)
            lines.append(f"- {place}")
            if file.suffix == ".md":
                lines.append(f"  {_answer(file)}")
        lines += [f"- {failure}" for failure in chapter.failures]
        lines.append("")
    (out / "summary.md").write_text("\n".join(lines), "utf-8")


if __name__ == "__main__":
    sys.exit(main())
