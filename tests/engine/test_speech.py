"""The real engine speaks, stops at once, and says what is wrong with a model."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from studio.engine.local.client import EngineClient
from studio.formats.recipes.recipe_files import read_embedded
from studio.formats.sounds.comments import LYRICS, PEAKS
from studio.formats.sounds.lyrics import from_lrc
from studio.kinds.speech import SpeechRequest
from studio.models.identify import describe_path
from studio.protocol import (
    AssetReady,
    Cancelled,
    Done,
    Event,
    Failed,
    ProblemError,
    Progress,
    RunJob,
)
from studio.settings import RESOURCES
from tests.unit.model_files import write_voice

STARTER = RESOURCES / "models" / "kokoro-82m"
with_starter = pytest.mark.skipif(
    not (STARTER / "model.onnx").is_file(), reason="the starter voice is not installed"
)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineClient]:
    started = EngineClient(log_dir=tmp_path_factory.mktemp("logs"))
    yield started
    started.stop()


def command(folder: Path, work: Path, request: SpeechRequest) -> RunJob:
    return RunJob(
        job="1",
        request=request,
        rows=tuple(range(request.count)),
        model=describe_path(folder),
        work_dir=str(work),
    )


def test_a_damaged_network_is_named(client: EngineClient, tmp_path: Path) -> None:
    folder = write_voice(tmp_path / "kokoro", "af_heart")
    final = client.run(
        command(folder, tmp_path / "work", SpeechRequest(prompt="hello")), lambda _: None
    )
    assert isinstance(final, Failed)
    assert final.problem.kind == "model_broken"
    assert "model.onnx" in str(final.problem.message)


def test_an_incomplete_model_is_no_model(tmp_path: Path) -> None:
    folder = write_voice(tmp_path / "kokoro", "af_heart")
    (folder / "voices" / "af_heart.bin").write_bytes(b"short")
    with pytest.raises(ProblemError) as error:
        describe_path(folder)
    assert error.value.problem.kind == "model_broken"


@with_starter
def test_each_variation_has_a_voice_of_its_own_and_the_words_their_times(
    client: EngineClient, tmp_path: Path
) -> None:
    events: list[Event] = []
    request = SpeechRequest(prompt="One, two.\n\nThree!", count=2, pause=1.0, speed=1.5)
    final = client.run(command(STARTER, tmp_path, request), events.append)
    assert isinstance(final, Done)
    made = [event for event in events if isinstance(event, AssetReady)]
    assert [getattr(each.recipe.request, "voice", "") for each in made] == [
        "af_heart",
        "am_michael",
    ]
    for each in made:
        texts = read_embedded(client.path_of(each.file, tmp_path)).texts
        first, second = from_lrc(texts[LYRICS])
        assert (first.text, second.text) == ("One, two.", "Three!")
        assert second.start - first.end == pytest.approx(1.0, abs=0.25)
        assert max(bytes.fromhex(texts[PEAKS])) > 60


@with_starter
def test_a_long_text_stops_in_the_middle_of_a_passage(client: EngineClient, tmp_path: Path) -> None:
    begun = threading.Event()

    def note(event: Event) -> None:
        if isinstance(event, Progress) and not begun.is_set():
            begun.set()
            client.cancel("1")

    request = SpeechRequest(prompt="This is a sentence that is read aloud. " * 200)
    final = client.run(command(STARTER, tmp_path, request), note)
    assert isinstance(final, Cancelled)
    assert not list(tmp_path.glob("*.wav"))


@pytest.mark.parametrize("prompt", ["😀", "\x00\x01", "Привет, мир"])
@with_starter
def test_what_cannot_be_read_is_said(client: EngineClient, tmp_path: Path, prompt: str) -> None:
    events: list[Event] = []
    final = client.run(command(STARTER, tmp_path, SpeechRequest(prompt=prompt)), events.append)
    assert isinstance(final, Failed)
    assert final.problem.kind == "bad_input"
