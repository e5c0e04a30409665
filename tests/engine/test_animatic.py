"""A storyboard that is played looks and sounds as the film that the engine makes of it."""

from __future__ import annotations

import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from studio.composition.sound import RATE
from studio.engine.local.client import EngineClient
from studio.kinds.film import KIND
from studio.kinds.speech import SpeechRequest
from studio.library.records import Asset
from studio.protocol import AssetReady, Done, Event, ModelRef, Recipe, RunJob
from studio.settings import RESOURCES
from studio.storyboard.animatic import animatic_of, drawer_of, sound_of, title_at
from studio.storyboard.board import Board, BoardShot
from studio.storyboard.production import Shown, film_of
from tests.video_files import read_frames

_NO_MODEL = ModelRef(id="", name="Film", task=KIND.task, format="", path="")


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineClient]:
    started = EngineClient(log_dir=tmp_path_factory.mktemp("logs"))
    yield started
    started.stop()


def voice(path: Path, pitch: float, seconds: float) -> Asset:
    samples = (np.sin(np.arange(int(24_000 * seconds)) * pitch) * 12_000).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(24_000)
        file.writeframes(samples.tobytes())
    request = SpeechRequest(prompt="x")
    return Asset(
        id=path.stem,
        job="1",
        row=0,
        task="speech",
        path=path,
        created="",
        recipe=Recipe(request=request, row=0, seed=1),
        prompt="x",
        duration=seconds,
    )


def storyboard(folder: Path) -> tuple[Board, list[Shown]]:
    demo = RESOURCES / "demo"
    shots = (
        BoardShot("a person", "One. Two.", 1.2, "in"),
        BoardShot("a cat", "", 1.0, "right"),
        BoardShot("coffee", "Three", 1.0, "auto"),
    )
    shown = [
        Shown({}, demo / "astronaut.png", voice(folder / "a.wav", 0.1, 0.7), 1.2),
        Shown({}, demo / "cat.png", None, 1.0),
        Shown({}, demo / "coffee.png", voice(folder / "b.wav", 0.2, 0.5), 1.0),
    ]
    music = voice(folder / "music.wav", 0.05, 5.0)
    options = {
        "width": 192,
        "height": 108,
        "fps": 12.0,
        "fade": 0.5,
        "quality": 95,
        "format": "mkv",
        "sound": {"path": str(music.path)},
    }
    return Board(title="Day", shots=shots, film_options=options), shown


def made(client: EngineClient, board: Board, shown: list[Shown], folder: Path) -> Path:
    events: list[Event] = []
    command = RunJob(
        job="1",
        request=film_of(board, shown).request,
        rows=(0,),
        model=_NO_MODEL,
        work_dir=str(folder / "work"),
        kept_dir=str(folder / "kept"),
    )
    final = client.run(command, events.append)
    assert isinstance(final, Done), final
    (asset,) = [event for event in events if isinstance(event, AssetReady)]
    return client.path_of(asset.file, folder / "work")


def test_frames_sound_and_subtitles_are_those_of_the_film(
    client: EngineClient, tmp_path: Path
) -> None:
    board, shown = storyboard(tmp_path)
    film = made(client, board, shown, tmp_path)
    animatic = animatic_of(board, shown)
    drawer = drawer_of(animatic, 960)
    frames = read_frames(film)[0]
    assert len(frames) == animatic.timeline.frames == round(animatic.seconds * 12)
    for number, frame in enumerate(frames):
        error = np.mean((frame.astype(float) - drawer.draw(number)) ** 2)
        assert error < 35, number  # what the encoder loses; in a fade, a frame off is far more
    with av.open(str(film)) as container:
        heard = np.concatenate([f.to_ndarray() for f in container.decode(audio=0)], axis=1)
    sound = sound_of(animatic, 0.0)
    assert sound is not None
    whole = np.concatenate(list(sound), axis=1)
    assert whole.shape[1] == round(animatic.seconds * RATE)
    length = min(whole.shape[1], heard.shape[1])
    assert np.corrcoef(whole[0, :length], heard[0, :length])[0, 1] > 0.98
    assert [title_at(animatic, at) for at in (0.1, 1.5, 2.3)] == ["One. Two.", "", "Three"]


def test_another_size_shows_the_same_part_of_each_picture(tmp_path: Path) -> None:
    board, shown = storyboard(tmp_path)
    animatic = animatic_of(board, shown)
    small, large = (drawer_of(animatic, longest) for longest in (96, 192))
    for number in (0, 13, animatic.timeline.frames - 1):
        whole = large.draw(number).astype(float)
        halved = whole.reshape(54, 2, 96, 2, 3).mean(axis=(1, 3))
        assert np.abs(halved - small.draw(number)).mean() < 4


@pytest.mark.parametrize("seconds", [0.3, 1.7, 2.3])
def test_sound_from_a_place_on_is_the_rest_of_the_whole(tmp_path: Path, seconds: float) -> None:
    animatic = animatic_of(*storyboard(tmp_path))
    sounds = [sound_of(animatic, begin) for begin in (0.0, seconds)]
    whole, rest = (np.concatenate(list(sound or ()), axis=1) for sound in sounds)
    assert np.array_equal(rest, whole[:, round(seconds * RATE) :])


def test_what_is_missing_is_text_and_silence() -> None:
    board = Board(shots=(BoardShot("一只红苹果", seconds=1.0), BoardShot("", "Said", 1.0)))
    animatic = animatic_of(board, [Shown({}, None, None, 1.0), Shown({}, Path("/no.png"))])
    assert sound_of(animatic, 0.0) is None
    drawer = drawer_of(animatic, 320)
    frames: list[Any] = [drawer.draw(number) for number in (0, animatic.timeline.frames - 1)]
    for frame in frames:
        assert len(np.unique(frame)) > 4
    assert not np.array_equal(*frames)
