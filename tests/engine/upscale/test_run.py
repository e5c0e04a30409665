"""Complete upscaling jobs with the real networks, on small pictures."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import pytest
import torch
from PIL import Image, ImageCms, ImageDraw

from studio.engine.local.devices import pick_device
from studio.engine.local.job import JobCancelledError
from studio.engine.local.memory import MemoryArbiter
from studio.engine.tasks.upscale import run as run_module
from studio.engine.tasks.upscale.enlarge import Enlarger
from studio.engine.tasks.upscale.load import Upscaler
from studio.engine.tasks.upscale.picture import read_picture
from studio.formats.pictures.png_writer import PngWriter
from studio.kinds.upscale import UpscaleRequest
from studio.protocol import InputFile, ModelRef, Parent, Preview, ProblemError, Progress
from tests.engine.upscale.upscale_bench import (
    UpscaleBench,
    decibels,
    photograph,
    pretend_size,
    starter,
)

DEVICE = pick_device("cpu")


@pytest.fixture(scope="module")
def memory() -> Iterator[MemoryArbiter]:
    """Keep networks loaded from test to test, as the engine does."""
    memory = MemoryArbiter(DEVICE)
    threads = torch.get_num_threads()
    # For pictures this small, several threads gain nothing and wait for each other.
    torch.set_num_threads(1)
    yield memory
    torch.set_num_threads(threads)
    memory.release_all()


@pytest.fixture
def bench(tmp_path: Path, memory: MemoryArbiter) -> UpscaleBench:
    return UpscaleBench(tmp_path / "work 作品 🌻", memory, DEVICE)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "源 🌻 a.png"
    Image.fromarray(photograph(30, 40)).save(path)
    return path


def pixels_of(path: Path) -> np.ndarray:
    return read_picture(path, lambda *_: None).pixels


def disc(side: int, fine: int) -> np.ndarray:
    """Return a dark disc and a slanted bar on white, each pixel of `fine` × `fine` samples."""
    y, x = (np.mgrid[0 : side * fine, 0 : side * fine] + 0.5) / (side * fine)
    inside = ((x - 0.4) ** 2 + (y - 0.45) ** 2 < 0.09) | (np.abs(x * 0.4 + y - 1.05) < 0.06)
    share = inside.reshape(side, fine, side, fine).mean((1, 3))[..., None]
    picture = 255 - share * (255 - np.array([40, 60, 160]))
    rounded: np.ndarray = picture.round().astype(np.uint8)
    return rounded


# ---- results


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_a_picture_is_upscaled_better_than_by_interpolation(
    bench: UpscaleBench, tmp_path: Path, scale: Literal[2, 3, 4]
) -> None:
    large = Image.fromarray(photograph(96, 120))
    small = large.resize((120 // scale, 96 // scale), Image.Resampling.BICUBIC)
    small.save(tmp_path / "a.png")
    result = pixels_of(bench.run(tmp_path / "a.png", scale))
    plain = np.asarray(small.resize(large.size, Image.Resampling.BICUBIC))
    truth = np.asarray(large)
    assert result.shape == truth.shape
    assert decibels(result, truth) > decibels(plain, truth)


def test_a_drawing_is_enlarged_with_smoother_outlines_than_a_photograph(
    bench: UpscaleBench, tmp_path: Path
) -> None:
    stairs, truth = disc(64, 1), disc(256, 4)
    Image.fromarray(stairs).save(tmp_path / "disc.png")
    errors: dict[str, float] = {}
    for name, drawing in (("drawing", True), ("photograph", False)):
        result = pixels_of(bench.run(tmp_path / "disc.png", 4, drawing=drawing))
        errors[name] = -decibels(result, truth)
    soft = Image.fromarray(stairs).resize((256, 256), Image.Resampling.BICUBIC)
    errors["interpolated"] = -decibels(np.asarray(soft), truth)
    assert min(errors, key=lambda name: errors[name]) == "drawing"
    assert errors["drawing"] < errors["photograph"] - 2


def test_a_drawing_needs_no_model_and_its_recipe_names_none(
    bench: UpscaleBench, tmp_path: Path
) -> None:
    picture = np.dstack([disc(300, 1), disc(300, 1)[..., :1]])
    Image.fromarray(picture, "RGBA").save(tmp_path / "disc.png")
    nothing = ModelRef(id="none", name="None", task="upscale", format="spandrel", path="")
    result = pixels_of(bench.run(tmp_path / "disc.png", 2, nothing, drawing=True))
    assert result.shape == (600, 600, 4)
    recipe = bench.asset.recipe
    assert (recipe.model_id, recipe.model_name, recipe.model_sha256) == ("", "", "")
    assert isinstance(recipe.request, UpscaleRequest)
    assert recipe.request.drawing


def test_the_recipe_has_all_that_reproduces_it(bench: UpscaleBench, source: Path) -> None:
    path = bench.run(source)
    recipe = bench.recipe
    assert recipe.parents == (Parent(str(source), hashlib.sha256(source.read_bytes()).hexdigest()),)
    assert isinstance(recipe.request, UpscaleRequest)
    assert (recipe.request.scale, recipe.request.model, recipe.seed) == (2, "dat-light-x2", 5)
    weights = Path(starter("dat-light-x2").path, "DAT_light_x2.pth").read_bytes()
    assert recipe.model_sha256 == hashlib.sha256(weights).hexdigest()
    assert recipe.adjustments == ()
    assert {"torch", "spandrel"} <= recipe.libraries.keys()
    assert {"read", "load", "enlarge", "write"} <= recipe.timings.keys()
    assert path.parent == bench.folder
    assert [file.name for file in bench.folder.iterdir()] == [path.name]


def test_the_same_job_gives_the_same_file(bench: UpscaleBench, source: Path) -> None:
    first, second = bench.run(source), bench.run(source)
    assert first != second
    assert first.read_bytes() == second.read_bytes()


def test_profile_exif_and_depth_are_kept(bench: UpscaleBench, tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "Camera"
    Image.fromarray(photograph(30, 40)).save(tmp_path / "a.jpg", exif=exif, icc_profile=profile)
    with Image.open(bench.run(tmp_path / "a.jpg")) as image:
        assert image.size == (60, 80)
        assert image.info["icc_profile"] == profile
        assert image.getexif()[0x010F] == "Camera"
        assert image.getexif()[0x0112] == 1


def test_sixteen_bits_are_computed_and_written_in_full(bench: UpscaleBench, tmp_path: Path) -> None:
    slope = np.linspace(20_000, 21_000, 30 * 40).reshape(30, 40, 1).astype(np.uint16)
    picture = slope.repeat(3, axis=2)
    with PngWriter(tmp_path / "a.png", 40, 30, 3, 16) as writer:
        writer.write(picture)
    result = pixels_of(bench.run(tmp_path / "a.png"))
    assert result.dtype == np.uint16
    assert bench.recipe.dtype == "float32"
    assert decibels(result, picture.repeat(2, axis=0).repeat(2, axis=1), 65535) > 45
    assert len(np.unique(result[..., 1])) > 256, "more shades than 8 bits have"


@pytest.mark.parametrize("mode", ["L", "LA", "P", "CMYK"])
def test_other_modes_of_pictures_are_kept(bench: UpscaleBench, tmp_path: Path, mode: str) -> None:
    original = Image.fromarray(photograph(24, 32, 4), "RGBA").convert("RGB")
    original = original.quantize(200) if mode == "P" else original.convert(mode)
    original.save(tmp_path / "a.tif")
    result = pixels_of(bench.run(tmp_path / "a.tif"))
    assert result.shape == (48, 64, {"L": 1, "LA": 2, "P": 3, "CMYK": 3}[mode])
    kind = {1: "L", 2: "LA", 3: "RGB"}[result.shape[2]]
    shown = np.asarray(original.convert(kind).resize((64, 48), Image.Resampling.BICUBIC))
    assert decibels(result, shown.reshape(result.shape)) > 20


def test_an_alpha_edge_is_sharp_without_a_dark_fringe(bench: UpscaleBench, tmp_path: Path) -> None:
    colour = (250, 200, 60)
    disc = Image.new("L", (320, 320))
    ImageDraw.Draw(disc).ellipse((40, 40, 279, 279), fill=255)
    truth, small = disc.reduce(4), disc.reduce(8)
    picture = np.zeros((40, 40, 4), np.uint8)
    picture[np.asarray(small) > 0] = (*colour, 0)
    picture[..., 3] = np.asarray(small)
    Image.fromarray(picture).save(tmp_path / "a.png")
    result = pixels_of(bench.run(tmp_path / "a.png"))
    fringe = np.abs(result[..., :3][result[..., 3] > 8].astype(int) - colour)
    assert fringe.max() < 12
    plain = np.asarray(small.resize((80, 80), Image.Resampling.LANCZOS))
    assert decibels(result[..., 3], np.asarray(truth)) > decibels(plain, np.asarray(truth)) + 3


def test_fully_transparent_tiles_are_skipped(
    bench: UpscaleBench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Upscaler, "enlarge", lambda *_: pytest.fail("the network was asked"))
    Image.new("RGBA", (20, 10), (9, 8, 7, 0)).save(tmp_path / "a.png")
    result = pixels_of(bench.run(tmp_path / "a.png"))
    assert (result == (9, 8, 7, 0)).all()


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (3, 2), (15, 17)])
def test_tiny_pictures_work(bench: UpscaleBench, tmp_path: Path, size: tuple[int, int]) -> None:
    Image.new("RGB", size, (200, 90, 30)).save(tmp_path / "a.png")
    result = pixels_of(bench.run(tmp_path / "a.png", 3))
    assert result.shape == (size[1] * 3, size[0] * 3, 3)
    assert np.abs(result.astype(int) - (200, 90, 30)).max() < 25


# ---- tiles and memory


def test_tiles_are_indistinguishable_from_no_tiles(
    bench: UpscaleBench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.fromarray(photograph(80, 144)).save(tmp_path / "a.png")
    monkeypatch.setattr(run_module, "_UNTILED_SIDE", 0)
    whole = pixels_of(bench.run(tmp_path / "a.png"))
    assert bench.recipe.stats["tiles"] == 1
    monkeypatch.setattr(run_module, "TILE_ON_CPU", 64)
    tiled = pixels_of(bench.run(tmp_path / "a.png"))
    assert bench.recipe.stats["tiles"] > 3
    assert decibels(tiled, whole) >= 45


def test_tiles_are_smaller_where_memory_is_short(
    bench: UpscaleBench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.fromarray(photograph(40, 132)).save(tmp_path / "a.png")
    bench.run(tmp_path / "a.png")
    monkeypatch.setattr(bench.memory, "_available", lambda: 150_000_000)
    result = pixels_of(bench.run(tmp_path / "a.png"))
    assert result.shape == (80, 264, 3)
    assert bench.warnings == ["memory"]
    assert bench.recipe.stats["tile"] < 132
    assert "tiles of" in bench.recipe.adjustments[0]


def test_too_little_memory_is_reported_before_anything_runs(
    bench: UpscaleBench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.fromarray(photograph(40, 132)).save(tmp_path / "a.png")
    monkeypatch.setattr(bench.memory, "_available", lambda: 1000)
    with pytest.raises(ProblemError) as caught:
        bench.run(tmp_path / "a.png")
    assert caught.value.problem.kind == "out_of_memory"


def test_the_tile_is_halved_when_memory_runs_out(
    bench: UpscaleBench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.fromarray(photograph(40, 132)).save(tmp_path / "a.png")
    enlarge, asked = Upscaler.enlarge, []

    def scarce(upscaler: Upscaler, pixels: np.ndarray, dtype: torch.dtype) -> np.ndarray:
        asked.append(max(pixels.shape))
        if max(pixels.shape) > 64:
            raise torch.OutOfMemoryError("out of memory")
        return enlarge(upscaler, pixels, dtype)

    whole = pixels_of(bench.run(tmp_path / "a.png"))
    monkeypatch.setattr(Upscaler, "enlarge", scarce)
    halved = pixels_of(bench.run(tmp_path / "a.png"))
    assert asked[0] > 64
    assert bench.recipe.stats["tile"] == 64
    assert set(bench.warnings) == {"memory"}
    assert len(bench.recipe.adjustments) == len(bench.warnings) > 0
    assert decibels(halved, whole) > 35


def test_too_little_memory_for_the_smallest_tile_fails_the_job(
    bench: UpscaleBench, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(Upscaler, "enlarge", never)
    with pytest.raises(ProblemError, match="smallest tiles") as caught:
        bench.run(source)
    assert caught.value.problem.kind == "out_of_memory"
    assert list(bench.folder.iterdir()) == []


def test_an_overflow_in_half_precision_falls_back_to_full_with_a_warning() -> None:
    """The overflow is simulated, so no GPU is needed."""

    class Overflowing:
        scale, channels, multiple = 2, 3, 32

        def enlarge(self, pixels: np.ndarray, dtype: torch.dtype) -> np.ndarray:
            large = pixels.repeat(2, axis=0).repeat(2, axis=1)
            return np.full_like(large, np.nan) if dtype == torch.float16 else large

    warnings: list[str] = []
    enlarger = Enlarger(
        cast("Upscaler", Overflowing()), 2, torch.float16, 64, lambda kind, _: warnings.append(kind)
    )
    tile = np.full((8, 8, 3), 0.5, np.float32)
    for _ in range(2):
        assert (enlarger.enlarge(tile, has_alpha=False) == 0.5).all()
    assert warnings == ["memory"]
    assert enlarger.dtype == torch.float32


# ---- progress, preview, cancel


@pytest.mark.parametrize(("channels", "suffix"), [(3, ".jpg"), (4, ".png")])
def test_progress_and_a_preview_are_sent_with_the_tiles(
    bench: UpscaleBench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, channels: int, suffix: str
) -> None:
    monkeypatch.setattr(run_module, "TILE_ON_CPU", 64)
    monkeypatch.setattr("studio.engine.tasks.upscale.preview._INTERVAL_SECONDS", 0)
    Image.fromarray(photograph(40, 132, channels)).save(tmp_path / "a.png")
    bench.run(tmp_path / "a.png")
    steps = [(e.step, e.steps) for e in bench.events if isinstance(e, Progress)]
    tiles = int(bench.recipe.stats["tiles"])
    assert steps == sorted(steps)
    # Alpha takes as much work as the colours.
    all_steps = tiles * (channels - 2)
    assert steps[-1] == (all_steps, all_steps)
    previews = [e for e in bench.events if isinstance(e, Preview)]
    assert previews
    assert Path(previews[-1].file.name).suffix == suffix
    with Image.open(bench.folder / previews[-1].file.name) as image:
        assert image.size == (264, 80)


@pytest.mark.parametrize("moment", ["Loading", "Progress"])
def test_a_cancelled_job_leaves_no_file(bench: UpscaleBench, source: Path, moment: str) -> None:
    def cancel(event: object) -> None:
        if type(event).__name__ == moment:
            bench.cancelled.set()

    bench.at_event = cancel
    with pytest.raises(JobCancelledError):
        bench.run(source)
    assert not bench.folder.exists() or list(bench.folder.iterdir()) == []
    bench.cancelled.clear()
    bench.at_event = lambda _: None
    assert bench.run(source).exists()


def test_a_job_can_be_cancelled_between_two_layers(
    bench: UpscaleBench, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.run(source)
    forward, ended = Upscaler._forward, []

    def cancel_inside(upscaler: Upscaler, *args: Any) -> torch.Tensor:
        bench.cancelled.set()
        result = forward(upscaler, *args)
        ended.append(True)
        return result

    monkeypatch.setattr(Upscaler, "_forward", cancel_inside)
    with pytest.raises(JobCancelledError):
        bench.run(source)
    assert ended == []


# ---- scales


@pytest.mark.parametrize(("own", "wanted", "passes"), [(4, 2, 1), (4, 3, 1), (2, 4, 2), (2, 3, 2)])
def test_a_scale_that_the_model_lacks_is_reached_with_a_warning(
    bench: UpscaleBench, source: Path, own: int, wanted: Literal[2, 3, 4], passes: int
) -> None:
    model = starter(f"dat-light-x{own}")
    result = pixels_of(bench.run(source, wanted, model))
    assert result.shape == (30 * wanted, 40 * wanted, 3)
    assert bench.warnings == ["scale"]
    assert bench.recipe.stats["passes"] == passes
    assert bench.recipe.adjustments[0].startswith(f"{model.name} upscales by {own}×.")
    plain = Image.open(source).resize((40 * wanted, 30 * wanted), Image.Resampling.BICUBIC)
    assert decibels(result, np.asarray(plain)) > 25


# ---- refused jobs


def test_a_result_that_is_too_large_is_refused_at_once(bench: UpscaleBench, tmp_path: Path) -> None:
    path = tmp_path / "wide 大.png"
    pretend_size(path, 30_000, 30_000)
    with pytest.raises(ProblemError, match="megapixels") as caught:
        bench.run(path)
    assert caught.value.problem.kind == "bad_input"
    assert path.name in str(caught.value)


def test_a_picture_changed_since_it_was_queued_is_reported(
    bench: UpscaleBench, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = InputFile(str(source), "0" * 64)
    monkeypatch.setattr("tests.engine.upscale.upscale_bench.InputFile", lambda _path: made)
    bench.run(source)
    assert bench.warnings == ["input"]


@pytest.mark.skipif(os.name == "nt", reason="links to devices are of Unix")
def test_a_full_disk_is_not_reported_as_a_bug(
    bench: UpscaleBench, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("studio.engine.local.job.Job.temporary", lambda *_: Path("/dev/full"))
    monkeypatch.setattr(Path, "unlink", lambda *_, **__: None)
    with pytest.raises(OSError, match="space") as caught:
        bench.run(source)
    assert caught.value.errno == errno.ENOSPC


def test_after_a_kill_the_tiles_are_half_as_large(bench: UpscaleBench, source: Path) -> None:
    bench.run(source)
    usual = bench.recipe.stats
    bench.run(source, saves_memory=True)
    assert bench.recipe.stats["tile"] <= usual["tile"] / 2
    assert bench.recipe.stats["tiles"] > usual["tiles"]
    assert bench.warnings == ["memory"]
    assert usual["model_memory"] > 0


@pytest.mark.parametrize(("name", "saved"), [("JPEG", "JPEG"), ("WEBP", "WEBP"), ("TIFF", "PNG")])
def test_a_photograph_keeps_its_file_format_profile_and_exif(
    bench: UpscaleBench, tmp_path: Path, name: str, saved: str
) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = Image.Exif()
    exif[0x010F] = "A camera"
    source = tmp_path / f"photo.{name.lower()}"
    whole = Image.fromarray(photograph(30, 40))
    whole.save(source, name, icc_profile=profile, exif=exif.tobytes())
    path = bench.run(source, drawing=True)
    with Image.open(path) as image:
        assert (image.format, image.size) == (saved, (80, 60))
        assert image.info["icc_profile"] == profile
        assert image.getexif()[0x010F] == "A camera"
        soft = whole.resize((80, 60), Image.Resampling.BICUBIC)
        assert decibels(np.asarray(image.convert("RGB")), np.asarray(soft)) > 25
    assert sorted(bench.folder.iterdir()) == [path]


def test_the_file_format_can_be_chosen_and_what_it_cannot_hold_is_said(
    bench: UpscaleBench, tmp_path: Path
) -> None:
    source = tmp_path / "cut out.png"
    pixels = np.dstack([photograph(20, 20), np.full((20, 20), 90, np.uint8)])
    Image.fromarray(pixels, "RGBA").save(source)
    with Image.open(bench.run(source, drawing=True, format="webp")) as image:
        assert (image.format, image.mode) == ("WEBP", "RGBA")
    assert not bench.warnings
    with Image.open(bench.run(source, drawing=True, format="jpeg")) as image:
        assert (image.format, image.mode) == ("JPEG", "RGB")
    assert bench.warnings == ["input"]
    long = tmp_path / "long.jpg"
    Image.new("RGB", (20_000, 2), "green").save(long)
    with Image.open(bench.run(long, 4, drawing=True)) as image:
        assert image.format == "PNG"
    assert bench.warnings == ["input"]
