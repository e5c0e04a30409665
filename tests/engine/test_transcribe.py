"""The real engine writes down what is said, goes on after a kill, and says what cannot be heard."""

from __future__ import annotations

import os
import threading
import wave
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from studio.engine.local.client import EngineClient
from studio.engine.tasks.transcribe.hearing import RATE, Hearing
from studio.engine.tasks.transcribe.kept_parts import KeptParts
from studio.engine.tasks.transcribe.parts import Part, parts_of
from studio.engine.tasks.transcribe.recogniser import Word
from studio.formats.recipes.recipe_files import read_embedded
from studio.formats.sounds.comments import LYRICS
from studio.formats.sounds.lyrics import from_lrc
from studio.formats.weights.gguf_cache import CACHE_VARIABLE
from studio.kinds.transcribe import TranscribeRequest
from studio.models.identify import describe_path
from studio.protocol import (
    AssetReady,
    Cancelled,
    Done,
    Event,
    Failed,
    InputFile,
    ProblemError,
    Progress,
    RunJob,
    TextDelta,
    Warned,
)
from studio.settings import RESOURCES
from tests.unit.model_files import write_whisper

STARTER = Path(os.environ.get("STUDIO_STARTER", RESOURCES / "models")) / "whisper-tiny-en"
SPOKEN = Path(__file__).parent.parent / "data" / "spoken.opus"
"""Three sentences, spoken by the starter voice."""
SENTENCES = (
    "The train from London arrives at platform seven.",
    "Children learn languages faster than most adults do.",
    "Thank you for listening, and see you next week.",
)
with_starter = pytest.mark.skipif(
    not (STARTER / "model.bin").is_file(), reason="the starter model is not installed"
)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineClient]:
    cache = tmp_path_factory.mktemp("cache")
    started = EngineClient(
        log_dir=tmp_path_factory.mktemp("logs"), extra_environment={CACHE_VARIABLE: str(cache)}
    )
    yield started
    started.stop()


def command(recording: Path, work: Path, folder: Path = STARTER) -> RunJob:
    return RunJob(
        job="1",
        request=TranscribeRequest(input=InputFile(str(recording))),
        rows=(0,),
        model=describe_path(folder),
        work_dir=str(work),
    )


def samples_of(path: Path) -> np.ndarray:
    return np.concatenate(list(Hearing(path, lambda: None).blocks()))


def write_sound(path: Path, samples: np.ndarray, rate: int = RATE, channels: int = 1) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        whole = np.repeat((samples * 32767).astype("<i2"), channels)
        file.writeframes(whole.tobytes())
    return path


def words(text: str) -> list[str]:
    plain = text.lower().replace("7", "seven")
    return "".join(c for c in plain if c.isalnum() or c == " ").split()


@with_starter
def test_what_is_said_is_written_with_the_time_of_each_word(
    client: EngineClient, tmp_path: Path
) -> None:
    events: list[Event] = []
    final = client.run(command(SPOKEN, tmp_path), events.append)
    assert isinstance(final, Done)
    (made,) = (event for event in events if isinstance(event, AssetReady))
    lines = from_lrc(read_embedded(client.path_of(made.file, tmp_path)).texts[LYRICS])
    assert [words(line.text) for line in lines] == [words(each) for each in SENTENCES]
    starts = [word.start for line in lines for word in line.words]
    assert starts == sorted(starts)
    assert 1 < lines[1].start - lines[0].start < 6
    shown = "".join(event.text for event in events if isinstance(event, TextDelta))
    assert len(shown.splitlines()) == 3
    assert made.recipe.parents[0].path == str(SPOKEN)


@with_starter
def test_a_cancelled_recording_goes_on_where_it_stopped_and_ends_the_same(
    client: EngineClient, tmp_path: Path
) -> None:
    long = write_sound(tmp_path / "long.wav", np.tile(samples_of(SPOKEN), 6))
    begun = threading.Event()

    def note(event: Event) -> None:
        if isinstance(event, Progress) and event.step > 1 and not begun.is_set():
            begun.set()
            client.cancel("1")

    assert isinstance(client.run(command(long, tmp_path), note), Cancelled)
    texts = []
    for kept in (1, 0):
        events: list[Event] = []
        final = client.run(command(long, tmp_path), events.append)
        assert isinstance(final, Done)
        assert (final.stats["parts_kept"] > 0) is bool(kept)
        (made,) = (event for event in events if isinstance(event, AssetReady))
        texts.append(client.path_of(made.file, tmp_path).read_bytes())
    assert texts[0] == texts[1]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("silent", "Nothing is said in silent.wav"),
        ("one", "Nothing is said in one.wav"),
        ("picture", "There is no sound in picture.mp4"),
        ("cut", "cut.m4a is not a sound or video that can be read"),
    ],
)
@with_starter
def test_where_nothing_can_be_heard_it_is_said(
    client: EngineClient, tmp_path: Path, name: str, said: str
) -> None:
    path = tmp_path / {"picture": "picture.mp4", "cut": "cut.m4a"}.get(name, f"{name}.wav")
    if name in ("silent", "one"):
        write_sound(path, np.zeros(RATE * 3 if name == "silent" else 1, np.float32))
    elif name == "picture":
        with av.open(str(path), "w") as film:
            stream = film.add_stream("mpeg4", rate=5)
            stream.width = stream.height = 64
            for _ in range(3):
                frame = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), "rgb24")
                film.mux(stream.encode(frame))
            film.mux(stream.encode())
    else:
        write_m4a(path, samples_of(SPOKEN))
        path.write_bytes(path.read_bytes()[:-2000])  # the index is at the end
    final = client.run(command(path, tmp_path), lambda _: None)
    assert isinstance(final, Failed)
    assert final.problem.kind == "bad_input"
    assert said in str(final.problem.message)


def write_m4a(path: Path, samples: np.ndarray, **options: str) -> None:
    with av.open(str(path), "w", options=options) as sound:
        stream = sound.add_stream("aac", rate=RATE, layout="mono")
        for start in range(0, len(samples) - 1024, 1024):
            part = samples[start : start + 1024].reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(part, format="fltp", layout="mono")
            frame.sample_rate, frame.pts = RATE, start
            sound.mux(stream.encode(frame))
        sound.mux(stream.encode())


@with_starter
def test_a_damaged_recording_is_written_down_as_far_as_it_goes(
    client: EngineClient, tmp_path: Path
) -> None:
    cut = tmp_path / "cut.m4a"
    write_m4a(cut, samples_of(SPOKEN), movflags="faststart")  # the index is at the start
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size * 6 // 10])
    events: list[Event] = []
    assert isinstance(client.run(command(cut, tmp_path), events.append), Done)
    (warning,) = (event for event in events if isinstance(event, Warned))
    assert "is damaged or cut off" in str(warning.message)


@pytest.mark.parametrize(("rate", "channels"), [(8000, 1), (48_000, 6), (44_100, 2)])
def test_any_rate_and_number_of_channels_is_heard(tmp_path: Path, rate: int, channels: int) -> None:
    tone = np.sin(np.arange(rate) * 2 * np.pi * 440 / rate) * 0.5
    path = write_sound(tmp_path / "tone.wav", tone, rate, channels)
    heard = samples_of(path)
    assert len(heard) == pytest.approx(RATE, abs=RATE // 50)
    assert np.abs(heard).max() > 0.3


def test_parts_do_not_depend_on_how_the_recording_is_read() -> None:
    speech = samples_of(SPOKEN)
    samples = np.concatenate([speech, np.zeros(20 * RATE, np.float32)] * 8)
    whole = [(part.start, part.end) for part in parts_of([samples])]
    blocks = np.array_split(samples, 57)
    spans = [(part.start, part.end) for part in parts_of(blocks)]
    assert spans == whole and len(spans) >= 8
    assert all(end - start <= 29 * RATE for start, end in spans)
    assert all(one[1] <= other[0] for one, other in pairwise(spans))


def test_a_line_that_a_kill_cut_off_is_written_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))
    first, second = (Part(at, np.zeros(10, np.float32)) for at in (0, 20))
    kept = KeptParts("recording", "model")
    kept.add(first, "en", [Word(" Hello", 0.0, 0.5, True)])
    kept.add(second, "en", [Word(" you", 0.0, 0.5, True)])
    (file,) = (tmp_path / "transcripts").glob("*.jsonl")
    file.write_bytes(file.read_bytes()[:-5])
    again = KeptParts("recording", "model")
    assert again.words(first) == (Word(" Hello", 0.0, 0.5, True),)
    assert again.words(second) is None
    again.add(second, "en", [])
    assert KeptParts("recording", "model").words(second) == ()
    assert KeptParts("another", "model").words(first) is None
    again.remove()
    assert not list((tmp_path / "transcripts").glob("*.jsonl"))


def test_a_model_is_known_by_its_files(tmp_path: Path) -> None:
    english = describe_path(write_whisper(tmp_path / "tiny.en"))
    assert (english.task, english.role, english.languages) == ("transcribe", "transcriber", ("en",))
    many = describe_path(write_whisper(tmp_path / "small", 51_865))
    assert {"en", "zh", "yue"} <= set(many.languages)
    (tmp_path / "small" / "tokenizer.json").unlink()
    with pytest.raises(ProblemError, match=r"tokenizer\.json is missing"):
        describe_path(tmp_path / "small")
