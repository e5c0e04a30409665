"""`studio models get` from a hub, killed on the way, and each model used in the next command."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from studio.library.recipes.metadata import read_recipe
from tests.e2e.conftest import ROOT, CommandResult
from tests.engine.image.adapter_files import kohya_file
from tests.engine.tiny_pipelines import folder_of
from tests.engine.tiny_text import tiny_llama
from tests.hub.received import when_received
from tests.hub.server import HubServer, running_hub

Studio = Callable[..., CommandResult]
Command = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def open_app(open_window: Command) -> Command:
    """Open the window, get models in it, and use models; see `models_window.py`."""

    def start(*get: str, use: dict[str, str] | None = None) -> subprocess.Popen[str]:
        return open_window("models_window.py", json.dumps({"get": get, "use": use}))

    return start


@pytest.fixture
def hub(environment: dict[str, str], tmp_path: Path) -> Iterator[HubServer]:
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_HUB_OFFLINE"):
        environment.pop(name, None)
    with running_hub() as running:
        environment |= {
            "HF_ENDPOINT": running.endpoint,
            "HF_HOME": str(tmp_path / "hf"),
            "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
            "no_proxy": "*",
        }
        yield running


def folder_with(tmp_path: Path, name: str, *files: Path) -> Path:
    folder = tmp_path / name
    folder.mkdir()
    for file in files:
        shutil.copy(file, folder)
    (folder / "README.md").write_text("---\nlicense: apache-2.0\n---\n")
    return folder


def got(studio: Studio, *arguments: str) -> dict[str, object]:
    """Download a model and return what the command says of it."""
    ran = studio("models", "get", *arguments, "--json")
    assert ran.status == 0, ran.err
    assert ran.events[-1]["event"] == "done"
    return ran.named("model")[0]


def kill_at(hub: HubServer, home: Path, name: str, count: int, command: Command) -> None:
    """Start `models get REPOSITORY` and kill it when it has written `count` bytes of a file."""
    started: list[subprocess.Popen[str]] = []
    when_received(hub, home / "models", name, count, lambda: started[0].kill())
    started.append(command("models", "get", hub_of(hub, name)))
    started[0].communicate(timeout=60)
    assert started[0].returncode == -9


def hub_of(hub: HubServer, name: str) -> str:
    return next(key for key, kept in hub.repositories.items() if name in kept.files)


def test_models_of_all_kinds_are_fetched_despite_kills_and_used_in_the_next_command(
    studio: Studio, command: Command, hub: HubServer, environment: dict[str, str], tmp_path: Path
) -> None:
    home = Path(environment["STUDIO_HOME"])
    tiny_llama(tmp_path / "llama")
    (tmp_path / "llama" / "pytorch_model.bin").write_bytes(b"never asked for")
    hub.add("tiny/chat", tmp_path / "llama", pipeline_tag="text-generation")
    hub.add("tiny/draw", folder_of("sd"), tags=["license:openrail"])
    dat = ROOT / "resources" / "models" / "dat-light-x2" / "DAT_light_x2.pth"
    hub.add("tiny/enlarge", folder_with(tmp_path, "dat", dat), tags=["license:apache-2.0"])
    (tmp_path / "loras").mkdir()
    lora = Path(kohya_file(tmp_path / "loras", "sd").path).rename(tmp_path / "style.safetensors")
    hub.add("tiny/style", folder_with(tmp_path, "lora", lora), tags=["lora"])

    kill_at(hub, home, "model.safetensors", 100_000, command)
    kill_at(hub, home, "unet/diffusion_pytorch_model.safetensors", 50_000, command)
    listed = studio("models", "list", "--json").events
    assert all(model["starter"] for model in listed)
    hub.asked.clear()

    chat = got(studio, "tiny/chat")
    draw = got(studio, f"{hub.endpoint}/tiny/draw/tree/main")
    enlarge = got(studio, "tiny/enlarge", "--yes")
    style = got(studio, "tiny/style")

    assert {asked.range for asked in hub.downloads("chat")} >= {"bytes=100000-"}
    assert {asked.range for asked in hub.downloads("draw")} >= {"bytes=50000-"}
    assert not hub.downloads(".bin")
    assert style["role"] == "lora"
    for model, licence in ((chat, ""), (draw, "openrail"), (enlarge, "apache-2.0")):
        assert model["licence"] == licence
        assert model["source"]["kind"] == "hub"  # type: ignore[index]  # of JSON
    Image.new("RGB", (16, 12), "teal").save(tmp_path / "small.png")
    size = {"width": 64, "height": 64, "steps": 2}
    rows = (
        {"task": "text", "prompt": "Hi", "model": chat["id"], "max_tokens": 4},
        {"task": "image", "prompt": "a cat", "model": draw["id"], **size},
        {"task": "upscale", "input": "small.png", "model": enlarge["id"], "scale": 2},
    )
    table = tmp_path / "table.jsonl"
    table.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    used = studio("batch", table, "--json")
    assert used.status == 0
    assert len(used.named("asset")) == 3
    drawing = ("image", "-p", "a cat", "--model", draw["id"], "--lora", f"{style['id']}:0.8")
    drawn = studio(*map(str, drawing), "--size", "64x64", "--steps", "2", "--json")
    recipe = read_recipe(Path(str(drawn.named("asset")[0]["path"])))
    assert recipe is not None
    assert [extra.name for extra in recipe.extra_models] == ["style"]
    downloads = studio("models", "downloads", "list", "--json").events
    assert [download["state"] for download in downloads] == ["done"] * 4


def test_the_window_fetches_models_of_all_kinds_despite_kills_and_uses_them(
    open_app: Callable[..., subprocess.Popen[str]],
    hub: HubServer,
    environment: dict[str, str],
    tmp_path: Path,
) -> None:
    home = Path(environment["STUDIO_HOME"])
    tiny_llama(tmp_path / "llama")
    hub.add("tiny/chat", tmp_path / "llama", pipeline_tag="text-generation")
    hub.add("tiny/draw", folder_of("sd"), tags=["license:openrail"])
    dat = ROOT / "resources" / "models" / "dat-light-x2" / "DAT_light_x2.pth"
    hub.add("tiny/enlarge", folder_with(tmp_path, "dat", dat), tags=["license:apache-2.0"])
    (tmp_path / "loras").mkdir()
    style = Path(kohya_file(tmp_path / "loras", "sd").path).rename(tmp_path / "style.safetensors")
    hub.add("tiny/style", folder_with(tmp_path, "lora", style), tags=["lora"])

    def killed_at(name: str, count: int, *get: str) -> None:
        started: list[subprocess.Popen[str]] = []
        when_received(hub, home / "models", name, count, lambda: started[0].kill())
        started.append(open_app(*get))
        started[0].communicate(timeout=120)
        assert started[0].returncode == -9

    killed_at("model.safetensors", 100_000, "tiny/chat")
    killed_at("unet/diffusion_pytorch_model.safetensors", 50_000, "tiny/draw")
    Image.new("RGB", (16, 12), "teal").save(tmp_path / "small.png")
    use = {"text": "tiny/chat", "image": "tiny/draw", "lora": "tiny/style"}
    use |= {"upscale": "tiny/enlarge", "picture": str(tmp_path / "small.png")}
    last = open_app("tiny/enlarge", "tiny/style", use=use)
    said = [json.loads(line) for line in last.communicate(timeout=900)[0].splitlines()]

    assert last.returncode == 0
    assert not [each["failed"] for each in said if "failed" in each]
    assert {asked.range for asked in hub.downloads("chat")} >= {"bytes=100000-"}
    assert {asked.range for asked in hub.downloads("draw")} >= {"bytes=50000-"}
    recipes = [read_recipe(Path(each["path"])) for each in said if "path" in each]
    assert all(recipe is not None for recipe in recipes)
    used = [
        [recipe.model_name, *(extra.name for extra in recipe.extra_models)]
        for recipe in recipes
        if recipe is not None
    ]
    assert used == [["chat"], ["draw", "style"], ["DAT light x2"]]
