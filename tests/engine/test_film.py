"""The real engine makes films of pictures: smooth, in time with their sound, whole after a kill."""

from __future__ import annotations

import itertools
import wave
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import psutil
import pytest
from PIL import Image

from studio.engine.local.client import EngineClient
from studio.kinds.film import KIND, FilmRequest, Shot
from studio.protocol import (
    AssetReady,
    Cancelled,
    Done,
    Event,
    Failed,
    InputFile,
    ModelRef,
    Progress,
    RunJob,
    Warned,
)
from studio.settings import RESOURCES
from tests.video_files import read_frames as timed_frames

_NO_MODEL = ModelRef(id="", name="Film", task=KIND.task, format="", path="")
_SIZE = {"width": 96, "height": 64}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineClient]:
    started = EngineClient(log_dir=tmp_path_factory.mktemp("logs"))
    yield started
    started.stop()


class Runs:
    """Runs requests on an engine, and keeps what was reported."""

    def __init__(self, client: EngineClient, folder: Path) -> None:
        self._client = client
        self._folder = folder
        self._count = 0
        self.events: list[Event] = []

    def run(
        self,
        request: FilmRequest,
        cancel_at: int = 0,
        note: Callable[[Event], object] = lambda _: None,
    ) -> Event:
        self._count += 1
        self.work = self._folder / f"work-{self._count}"
        command = RunJob(
            job="1",
            request=request,
            rows=(0,),
            model=_NO_MODEL,
            work_dir=str(self.work),
            kept_dir=str(self._folder / "kept"),
        )
        self.events = []

        def keep(event: Event) -> None:
            self.events.append(event)
            note(event)
            if cancel_at and isinstance(event, Progress) and event.step >= cancel_at:
                self._client.cancel("1")

        return self._client.run(command, keep)

    def film(self, request: FilmRequest) -> Path:
        final = self.run(request)
        assert isinstance(final, Done), final
        (asset,) = [event for event in self.events if isinstance(event, AssetReady)]
        self.made = asset.recipe.stats["made"]
        return self._client.path_of(asset.file, self.work)

    @property
    def warnings(self) -> str:
        return " ".join(str(e.message) for e in self.events if isinstance(e, Warned))


@pytest.fixture
def runs(client: EngineClient, tmp_path: Path) -> Runs:
    return Runs(client, tmp_path)


def plain(path: Path, colour: tuple[int, int, int], size: tuple[int, int] = (48, 32)) -> InputFile:
    Image.new("RGB", size, colour).save(path)
    return InputFile(str(path))


def tone(path: Path, seconds: float) -> InputFile:
    samples = (np.sin(np.arange(int(24_000 * seconds)) / 5) * 12_000).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(24_000)
        file.writeframes(samples.tobytes())
    return InputFile(str(path))


def request(*pictures: InputFile, **fields: Any) -> FilmRequest:
    return FilmRequest(pictures=pictures, **{**_SIZE, "fps": 10.0, "motion": "none", **fields})


def read_frames(path: Path) -> list[np.ndarray[Any, Any]]:
    return timed_frames(path)[0]


def heard(path: Path) -> tuple[np.ndarray[Any, Any], int]:
    with av.open(str(path)) as container:
        parts = [frame.to_ndarray() for frame in container.decode(audio=0)]
        return np.concatenate(parts, axis=1), container.streams.audio[0].rate


def test_each_picture_has_its_time_and_fades_into_the_next(runs: Runs, tmp_path: Path) -> None:
    red, blue = plain(tmp_path / "1.png", (220, 0, 0)), plain(tmp_path / "2.png", (0, 0, 220))
    frames = read_frames(runs.film(request(red, blue, seconds=1.0, fade=0.4)))
    assert len(frames) == 20
    reds = [float(frame[..., 0].mean()) for frame in frames]
    assert reds[:8] == pytest.approx([220] * 8, abs=6)
    assert reds[12:] == pytest.approx([0] * 8, abs=6)
    assert reds[8:12] == pytest.approx([192, 137, 82, 27], abs=10)


def test_slow_motion_is_not_rounded_to_pixels(runs: Runs) -> None:
    """A pan of a fraction of a pixel a frame changes every frame by about the same."""
    picture = InputFile(str(RESOURCES / "demo" / "astronaut.png"))
    film = runs.film(request(picture, seconds=2.0, fps=25.0, motion="right", quality=95, fade=0.0))
    grey = [frame.mean(axis=2) for frame in read_frames(film)]
    steps = [np.abs(b - a).mean() for a, b in itertools.pairwise(grey[4:])]
    assert min(steps) > 0.6 * max(steps)


def test_voices_begin_with_their_shots_and_subtitles_are_a_stream(
    runs: Runs, tmp_path: Path
) -> None:
    picture = plain(tmp_path / "1.png", (10, 120, 10))
    shots = (
        Shot(0, 1.0, text="Quiet & calm"),
        Shot(0, 1.0, voice=0, text="A tone"),
        Shot(0, 0.5, voice=0),
    )
    for form in ("mp4", "mkv", "webm"):
        film = runs.film(
            request(picture, voices=(tone(tmp_path / "a.wav", 0.5),), shots=shots, format=form)
        )
        samples, rate = heard(film)
        assert samples.shape[1] / rate == pytest.approx(2.5, abs=0.03)
        loud = np.abs(samples[0]) > 0.05
        assert not loud[: int(0.95 * rate)].any()
        assert loud[int(1.05 * rate) : int(1.45 * rate)].mean() > 0.5
        assert not loud[int(1.6 * rate) : int(1.9 * rate)].any()
        with av.open(str(film)) as container:
            texts = [bytes(packet) for packet in container.demux(container.streams.subtitles[0])]
        said = b" ".join(texts).replace(b"&amp;", b"&")
        assert b"Quiet & calm" in said and b"A tone" in said


def test_a_film_that_was_stopped_goes_on_and_is_the_same(runs: Runs, tmp_path: Path) -> None:
    pictures = [InputFile(str(RESOURCES / "demo" / f"{n}.png")) for n in ("cat", "coffee")]
    wanted = request(*pictures, seconds=10.0, motion="auto")
    whole = read_frames(runs.film(wanted))
    other = Runs(runs._client, tmp_path / "other")
    (tmp_path / "other").mkdir()
    assert isinstance(other.run(wanted, cancel_at=130), Cancelled)
    again = read_frames(other.film(wanted))
    assert other.made < 200
    assert all(np.array_equal(a, b) for a, b in zip(whole, again, strict=True))


def test_a_full_disk_is_said_and_what_was_made_is_kept(runs: Runs) -> None:
    """A limit on the size of files stands for the disk."""
    resource = pytest.importorskip("resource")
    if not hasattr(resource, "prlimit"):
        pytest.skip("only Linux limits another process")
    wanted = request(InputFile(str(RESOURCES / "demo" / "cat.png")), seconds=30.0, motion="in")
    engine = next(
        child.pid
        for child in psutil.Process().children(recursive=True)
        if "spawn_main" in " ".join(child.cmdline())
    )
    limits = resource.prlimit(engine, resource.RLIMIT_FSIZE)

    def fill(event: Event) -> None:
        if isinstance(event, Progress) and event.step >= 130:
            resource.prlimit(engine, resource.RLIMIT_FSIZE, (500, limits[1]))

    try:
        final = runs.run(wanted, note=fill)
    finally:
        resource.prlimit(engine, resource.RLIMIT_FSIZE, limits)
    assert isinstance(final, Failed) and final.problem.kind == "disk_full", final
    assert len(read_frames(runs.film(wanted))) == 300
    assert runs.made < 300


def test_damaged_pictures_are_named_and_left_out(runs: Runs, tmp_path: Path) -> None:
    good = plain(tmp_path / "good.png", (200, 200, 0))
    whole = Path(good.path).read_bytes()
    for name, data in (("cut.png", whole[:-30]), ("text.jpg", b"no picture"), ("no.png", b"")):
        (tmp_path / name).write_bytes(data)
    names = ("cut.png", "text.jpg", "no.png", "gone.png")
    bad = [InputFile(str(tmp_path / name)) for name in names]
    assert len(read_frames(runs.film(request(bad[0], good, *bad[1:], seconds=0.5)))) == 5
    assert all(name in runs.warnings for name in names)
    final = runs.run(request(*bad))
    assert isinstance(final, Failed)
    assert "None of the pictures" in str(final.problem.message)


def test_a_shot_whose_picture_is_damaged_keeps_its_time(runs: Runs, tmp_path: Path) -> None:
    good = plain(tmp_path / "good.png", (200, 200, 0))
    shots = (Shot(0, 0.5), Shot(1, 0.7, text="Words"))
    film = runs.film(request(good, InputFile(str(tmp_path / "gone.png")), shots=shots, fade=0.0))
    assert len(read_frames(film)) == 12


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (500, 1), (7680, 4320)])
@pytest.mark.parametrize("fit", ["fill", "whole"])
def test_pictures_of_any_size_are_shown(
    runs: Runs, tmp_path: Path, size: tuple[int, int], fit: str
) -> None:
    picture = plain(tmp_path / "1.jpg", (0, 180, 90), size)
    film = runs.film(request(picture, seconds=0.3, motion="auto", fit=fit))
    assert read_frames(film)[1][32, 48].tolist() == pytest.approx([0, 180, 90], abs=8)


@pytest.mark.parametrize("form", ["gif", "webp"])
def test_a_loop_is_a_picture_that_repeats_without_a_jump(
    runs: Runs, tmp_path: Path, form: str
) -> None:
    red, blue = plain(tmp_path / "1.png", (220, 0, 0)), plain(tmp_path / "2.png", (0, 0, 220))
    film = runs.film(request(red, blue, seconds=0.6, fade=0.4, loop=True, format=form))
    with Image.open(film) as image:
        assert image.info["loop"] == 0
        count: int = getattr(image, "n_frames", 1)
        assert count in range(8, 13)  # equal frames may be one
        first = image.convert("RGB").getpixel((48, 32))
        image.seek(count - 1)
        last = image.convert("RGB").getpixel((48, 32))
    assert isinstance(first, tuple) and isinstance(last, tuple)
    assert max(abs(a - b) for a, b in zip(first, last, strict=True)) < 90
