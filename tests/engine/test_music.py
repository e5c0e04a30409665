"""Music from every kind of audio pipeline: length, lyrics, seeds, memory and cancelling."""

from __future__ import annotations

import threading
import wave
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from studio.engine.local.devices import Device, memory_limit
from studio.engine.local.job import Job, JobCancelledError
from studio.engine.local.memory import MemoryArbiter
from studio.engine.tasks.image.model import load
from studio.engine.tasks.music import run as music_run
from studio.engine.tasks.music import sampling
from studio.engine.tasks.music.planning import Plan
from studio.engine.tasks.speech.sound import finished
from studio.formats.recipes.recipe_files import read_content
from studio.kinds.music import KIND, MAX_LYRICS, MusicRequest
from studio.models.identify import describe_path
from studio.protocol import AssetReady, Event, ProblemError, Progress, Recipe, RunJob, Warned
from tests.engine import tiny_music

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning"),
    # Rounding at the ends of the schedule, in torchsde.
    pytest.mark.filterwarnings("ignore:Should have"),
]


class Music:
    """Runs music jobs in this process, on the CPU and in float32."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.device = Device("cpu", memory_limit(), "test")
        self.memory = MemoryArbiter(self.device)
        self.cancelled = threading.Event()
        self.events: list[Event] = []

    def run(
        self, family: str, rows: Sequence[int] = (0,), *, saves_memory: bool = False, **fields: Any
    ) -> list[Path]:
        self.events = []
        values: dict[str, Any] = {"prompt": "a piano", "seed": 40, "steps": 2, "seconds": 1.0}
        values |= {"count": max(rows) + 1, **fields}
        work = self.folder / f"work-{len(list(self.folder.glob('work-*')))}"

        def send(event: Event) -> None:
            self.events.append(event)
            if isinstance(event, Progress) and event.step == 1 and "stop" in self.folder.name:
                self.cancelled.set()

        command = RunJob(
            job="1",
            request=MusicRequest(**values),
            rows=tuple(rows),
            model=describe_path(tiny_music.folder_of(family)),
            work_dir=str(work),
            saves_memory=saves_memory,
        )
        music_run.run(Job("1", work, send, self.cancelled), command, self.memory, self.device)
        return [work / asset.file.name for asset in self.of(AssetReady)]

    def of(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def recipe(self) -> Recipe:
        (asset,) = self.of(AssetReady)
        recipe: Recipe = asset.recipe
        return recipe

    @property
    def request(self) -> MusicRequest:
        request = self.recipe.request
        assert isinstance(request, MusicRequest)
        return request

    @property
    def warnings(self) -> str:
        return " ".join(str(event.message) for event in self.of(Warned))


@pytest.fixture
def music(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Music:
    # For networks this small, several threads cost more than they gain.
    torch.set_num_threads(1)
    monkeypatch.setattr(load, "best_dtype", lambda _: torch.float32)
    return Music(tmp_path)


@pytest.mark.parametrize("family", tiny_music.FAMILIES)
def test_every_class_of_pipeline_makes_the_sound_of_its_plain_call(
    family: str, music: Music, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[Any] = []

    def write_sound(*arguments: Any) -> Path:
        given.append(arguments[1])
        return finished.write_sound(*arguments)

    monkeypatch.setattr(music_run, "write_sound", write_sound)
    (path,) = music.run(family, prompt="a cat", format="wav")
    pipeline = tiny_music.build(family)
    names = Plan.__struct_fields__
    plan = Plan(**{name: getattr(music.request, name) for name in names})
    call = sampling.call_arguments(pipeline, plan)
    expected = pipeline(**call, generator=torch.Generator().manual_seed(40)).audios[0]
    plain = np.asarray(expected)[:, : tiny_music.RATE].T
    np.testing.assert_allclose(given[0], plain, atol=1e-5)
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getframerate()) == (2, tiny_music.RATE)
        assert file.getnframes() == tiny_music.RATE
    assert (music.request.task, music.recipe.stats["duration"]) == ("music", 1.0)


@pytest.mark.parametrize("family", ["stable_audio", "ace"])
def test_a_row_is_the_same_alone_and_beside_others(family: str, music: Music) -> None:
    first, second = (path.read_bytes() for path in music.run(family, (0, 1)))
    (alone,) = music.run(family, (1,))
    assert second == alone.read_bytes()
    assert first != second


def test_lyrics_change_what_a_model_that_sings_makes(music: Music) -> None:
    (hummed,) = music.run("ace", (0,))
    (sung,) = music.run("ace", (0,), lyrics="[verse]\na cat", language="en")
    assert hummed.read_bytes() != sung.read_bytes()
    assert music.request.lyrics == "[verse]\na cat"


def test_what_a_model_does_not_take_is_said_and_left_out(music: Music) -> None:
    music.run("ace_turbo", guidance_scale=3.0, negative_prompt="noise")
    assert "no guidance scale" in music.warnings and "negative prompts" in music.warnings
    assert music.request.negative_prompt == ""
    music.run("stable_audio_edm", lyrics="la", seconds=60.0)
    assert "does not sing" in music.warnings and "at most 4.0 seconds" in music.warnings
    assert (music.request.lyrics, music.request.seconds) == ("", 4.0)


@pytest.mark.parametrize("form", ["flac", "opus", "mp3"])
def test_every_format_holds_two_channels_and_the_length(form: str, music: Music) -> None:
    import av

    (path,) = music.run("ace", format=form)
    assert read_content(path).duration == pytest.approx(1.0, abs=0.2)
    with av.open(str(path)) as container:
        assert container.streams.audio[0].channels == 2


def test_a_job_is_cancelled_at_a_step_and_the_pipeline_works_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load, "best_dtype", lambda _: torch.float32)
    folder = tmp_path / "stop"
    folder.mkdir()
    music = Music(folder)
    with pytest.raises(JobCancelledError):
        music.run("ace", (0, 1), steps=8)
    assert not music.of(AssetReady) and music.of(Progress)[-1].step < 8
    music.cancelled.clear()
    music.folder = tmp_path
    assert music.run("ace")


def test_where_memory_runs_out_the_sound_is_decoded_in_parts_and_in_16_bits(
    music: Music, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[int] = []

    def short(*arguments: Any) -> sampling.Samples:
        tried.append(1)
        if len(tried) < 3:
            raise torch.OutOfMemoryError("simulated")
        return sampling.make_samples(*arguments)

    monkeypatch.setattr(music_run, "make_samples", short)
    music.run("ace")
    assert "decoded in parts" in music.warnings and "16-bit" in music.warnings
    assert len(music.recipe.adjustments) == 2
    monkeypatch.setattr(music_run, "make_samples", _always_short)
    with pytest.raises(ProblemError, match="shorter one"):
        music.run("ace")


def _always_short(*_: Any) -> sampling.Samples:
    raise torch.OutOfMemoryError("simulated")


def test_a_job_that_was_killed_for_memory_saves_it_from_the_start(music: Music) -> None:
    music.run("ace", saves_memory=True)
    assert "decoded in parts" in music.warnings and "16-bit" in music.warnings


def test_empty_prompts_and_endless_lyrics_are_refused() -> None:
    assert dict(KIND.check(MusicRequest(prompt=" ")))
    assert not dict(KIND.check(MusicRequest(prompt="", lyrics="la la la")))
    assert dict(KIND.check(MusicRequest(prompt="x", lyrics="l" * (MAX_LYRICS + 1))))
