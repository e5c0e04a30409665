"""`studio speech`: with the fake engine, and with the starter voice where it is installed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from studio.formats.recipes.recipe_files import read_content, read_embedded
from studio.formats.sounds.comments import LYRICS
from studio.formats.sounds.lyrics import from_lrc
from studio.library.recipes.metadata import read_recipe
from studio.settings import RESOURCES
from tests.e2e.conftest import CommandResult
from tests.unit.model_files import write_voice

Studio = Callable[..., CommandResult]

STARTER = RESOURCES / "models" / "kokoro-82m"
with_starter = pytest.mark.skipif(
    not (STARTER / "model.onnx").is_file(), reason="the starter voice is not installed"
)


@pytest.fixture
def voice(environment: dict[str, str], tmp_path: Path) -> None:
    write_voice(tmp_path / "home" / "models" / "kokoro", "af_heart", "zf_xiaoxiao")
    assert environment


@pytest.mark.usefixtures("voice")
def test_it_appears_in_library_and_can_be_rebuilt_and_reproduced(
    studio: Studio,
) -> None:
    made = studio("speech", "-p", "Good morning", "--speed", "1.5", "--json", fake="plain")
    assert made.status == 0, made.err
    (asset,) = made.named("asset")
    path = Path(asset["path"])
    assert path.suffix == ".wav"
    assert [line.text for line in from_lrc(read_embedded(path).texts[LYRICS])] == ["Good morning"]
    found = studio("library", "search", "morning", "--task", "speech").out
    found_json = studio("library", "search", "morning", "--json").out
    assert "Good morning" in found
    assert studio("library", "rebuild").status == 0
    assert studio("library", "search", "morning", "--task", "speech").out == found
    again = studio(
        "library", "reproduce", json.loads(found_json.splitlines()[0])["id"], fake="plain"
    )
    assert again.status == 0, again.out + again.err


@pytest.mark.usefixtures("voice")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("-p", "hi", "--voice", "nobody"), "No installed model has the voice nobody"),
        (("-p", "hi", "--cast", "Anna=zz_top"), "No installed model has the voice zz_top"),
        (("-p", "hi", "--cast", "nonsense"), "is not a list of name=value"),
        (("-p", "hi", "--speed", "9"), "it must be a number of at most 2"),
        (("-p", "hi", "--format", "ogg"), "it must be one of: wav, flac, opus, mp3"),
        (("-p", "  "), "The prompt is empty"),
        (("-p", "@{long}"), "at most 100,000 are read at a time"),
    ],
)
def test_what_is_wrong_with_a_call_is_said_before_anything_runs(
    studio: Studio, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    long = tmp_path / "long.txt"
    long.write_text("word " * 30_000, "utf-8")
    ran = studio("speech", *(part.format(long=long) for part in arguments), fake="plain")
    assert ran.status == 2
    assert said in ran.err


def test_without_a_voice_the_way_to_one_is_said(studio: Studio, tmp_path: Path) -> None:
    ran = studio("speech", "-p", "hi", STUDIO_STARTER=str(tmp_path / "none"))
    assert ran.status == 2
    assert "There is no voice yet. Install the starter models" in ran.err


@pytest.mark.usefixtures("voice")
def test_a_text_file_of_any_encoding_is_read_and_subtitles_are_written(
    studio: Studio, tmp_path: Path
) -> None:
    script = tmp_path / "剧本.txt"
    script.write_bytes("第一句话在这里。 第二句话也在这里。\n".encode("gb18030"))
    out = tmp_path / "out"
    made = studio(
        "speech", "--file", script, "-o", out, "--subtitles", "srt", "--json", fake="plain"
    )
    assert made.status == 0, made.err
    (subtitles,) = out.glob("*.srt")
    assert "00:00:00,000 --> " in subtitles.read_text("utf-8")
    assert "第一句话在这里。" in subtitles.read_text("utf-8")
    found = json.loads(studio("library", "search", "第一句话", "--json").out.splitlines()[0])
    assert found["prompt"] == "第一句话在这里。 第二句话也在这里。"
    for form in ("vtt", "lrc"):
        copied = studio("library", "export", found["id"], tmp_path / form, "--subtitles", form)
        assert copied.status == 0, copied.err
        assert len(list((tmp_path / form).glob(f"*.{form}"))) == 1
    for wrong in (("--file", tmp_path / "no.txt"), ("-p", "hi", "--subtitles", "srt"), ()):
        assert studio("speech", *wrong, fake="plain").status == 2
    (tmp_path / "picture.txt").write_bytes(bytes(range(256)) * 20)
    refused = studio("speech", "--file", tmp_path / "picture.txt", fake="plain")
    assert refused.status == 2 and "is not a text file" in refused.err


@with_starter
def test_the_starter_voice_reads_both_languages_into_every_format(
    studio: Studio, tmp_path: Path
) -> None:
    table = tmp_path / "lines.csv"
    text = "今天我们学习AI。Let's begin."
    rows = [f'speech,"{text}",{form}' for form in ("wav", "flac", "opus", "mp3")]
    rows += ['speech,"こんにちは、世界",wav', 'speech,"😀 …",wav']
    table.write_text("\n".join(["task,prompt,format", *rows]) + "\n", "utf-8")
    ran = studio("batch", table, "-o", tmp_path / "out", "--json", STUDIO_STARTER=STARTER.parent)
    assert ran.status == 1
    messages = sorted(failed["message"] for failed in ran.named("failed"))
    assert [message.split(":")[0].split(",")[0] for message in messages] == [
        "The voices read Chinese and English",
        "There is nothing to read",
    ]
    made = [Path(asset["path"]) for asset in ran.named("asset")]
    assert sorted(path.suffix for path in made) == [".flac", ".mp3", ".opus", ".wav"]
    for path in made:
        content, embedded = read_content(path), read_embedded(path)
        recipe = read_recipe(path)
        assert recipe is not None and recipe.model_id == "kokoro-82m"
        lines = from_lrc(embedded.texts[LYRICS])
        assert [line.text for line in lines] == ["今天我们学习AI。", "Let's begin."]
        assert content.duration is not None and 2 < content.duration < 6
        assert 0 < lines[0].start < lines[0].end <= lines[1].start < content.duration
        times = [word.start for line in lines for word in line.words]
        assert times == sorted(times)
