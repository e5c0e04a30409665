"""Recipes, labels, words and waveforms in sound files, whose sound does not change."""

from __future__ import annotations

import io
import wave
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from studio.formats.pictures.embedded import Content, Embedded
from studio.formats.recipes.recipe_files import read_content, read_embedded, writable_format
from studio.formats.sounds import lyrics, peaks, vorbis_comment
from studio.formats.sounds.comments import LYRICS, PEAKS
from studio.formats.sounds.lyrics import TimedLine, TimedWord
from studio.formats.sounds.sound_hash import sound_hash

RATE = 24_000
CODECS = {".wav": "pcm_s16le", ".flac": "flac", ".opus": "libopus", ".mp3": "libmp3lame"}
LONG = '{"prompt": "' + "é狐" * 60_000 + '"}'


def tone(path: Path, seconds: float = 2.0) -> Path:
    samples = np.sin(2 * np.pi * 440 * np.arange(round(RATE * seconds)) / RATE)
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(CODECS[path.suffix], rate=RATE)
        stream.layout = "mono"
        whole = (samples * 12_000).astype(np.int16)[None]
        frame = av.AudioFrame.from_ndarray(whole, format="s16", layout="mono")
        frame.sample_rate = RATE
        stream.codec_context.open()
        resampler = av.AudioResampler(stream.codec_context.format, "mono", RATE)
        for ready in (*resampler.resample(frame), None):
            container.mux(stream.encode(ready))
    return path


def decoded(path: Path) -> Any:
    with av.open(str(path)) as container:
        return np.concatenate([f.to_ndarray().ravel() for f in container.decode(audio=0)])


def tags(path: Path) -> dict[str, str]:
    with av.open(str(path)) as container:
        found = dict(container.metadata) | dict(container.streams.audio[0].metadata)
    return {name.upper(): text for name, text in found.items()}


def written(source: Path, target: Path, embedded: Embedded) -> Content:
    with source.open("rb") as reader, target.open("wb") as writer:
        form = writable_format(reader)
        assert form is not None
        return form.write(reader, writer, embedded)


@pytest.mark.parametrize("suffix", CODECS)
def test_metadata_is_written_read_kept_and_seen_by_other_programs(
    tmp_path: Path, suffix: str
) -> None:
    plain, first, second = (tmp_path / f"{name}{suffix}" for name in "abc")
    given = Embedded(
        LONG,
        {LYRICS: "[00:01.00]hello", PEAKS: "00ff"},
        label='{"Label":"1"}',
        facts={"prompt": "Good\nmorning"},
    )
    content = written(tone(plain), first, given)
    assert content.duration == pytest.approx(2.0, abs=0.1)
    assert read_content(first) == content
    found = read_embedded(first)
    assert (found.recipe, found.label) == (LONG, given.label)
    assert found.texts == {LYRICS: "[00:01.00]hello", PEAKS: "00ff", "TITLE": "Good morning"}
    assert np.array_equal(decoded(plain), decoded(first))
    assert tags(first)["TITLE"] == "Good morning"
    assert tags(first)["AIGC"] == given.label
    written(first, second, Embedded(recipe="{}"))
    again = read_embedded(second)
    assert (again.recipe, again.texts, again.label) == ("{}", found.texts, found.label)
    assert np.array_equal(decoded(plain), decoded(second))
    assert sound_hash(plain) == sound_hash(first) == sound_hash(second) != ""


@pytest.mark.parametrize("suffix", CODECS)
def test_a_sound_file_that_is_cut_anywhere_tells_what_it_can(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"b{suffix}"
    written(tone(tmp_path / f"a{suffix}", 0.3), path, Embedded(recipe="{}", label="{}"))
    whole = path.read_bytes()
    for length in (*range(0, min(len(whole), 400), 7), len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        assert read_embedded(path).recipe in ("", "{}")
        read_content(path)


@pytest.mark.parametrize("suffix", CODECS)
def test_a_damaged_sound_is_refused_and_not_copied_as_a_result(tmp_path: Path, suffix: str) -> None:
    path = tone(tmp_path / f"a{suffix}", 0.3)
    head = path.read_bytes()[: {".wav": 20, ".flac": 20, ".opus": 60, ".mp3": 4}[suffix]]
    (tmp_path / "x").write_bytes(head + b"\0" * 9)
    with (tmp_path / "x").open("rb") as file:
        form = writable_format(file)
        assert form is not None
        with pytest.raises(ValueError):
            form.write(file, io.BytesIO(), Embedded(recipe="{}"))


def test_a_wav_whose_header_promises_more_than_there_is_has_no_duration(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(bytes(2 * RATE))
    assert read_content(path).duration == 1.0
    path.write_bytes(path.read_bytes()[:-10])
    assert read_content(path).duration is None


def test_comments_that_lie_about_their_length_are_left_out() -> None:
    good = vorbis_comment.build(b"me", {"TITLE": "one", "LYRICS": "two"})
    assert vorbis_comment.parse(good) == (b"me", {"TITLE": "one", "LYRICS": "two"})
    assert vorbis_comment.parse(b"\xff\xff\xff\xff")[1] == {}
    many = good[:6] + b"\xff\xff\xff\xff" + good[10:]
    assert vorbis_comment.parse(many)[1] == {"TITLE": "one", "LYRICS": "two"}


LINES = (
    TimedLine(
        (
            TimedWord("Hello,", 0.05, 0.4),
            TimedWord("world", 0.45, 0.9),
            TimedWord("<3>.", 0.9, 1.2, joined=True),
        )
    ),
    TimedLine((TimedWord("今天", 61.0, 61.5), TimedWord("好。", 61.5, 3725.25, joined=True))),
)


def test_words_keep_their_times_in_lrc_and_get_them_in_subtitles() -> None:
    kept = lyrics.from_lrc(lyrics.to_lrc(LINES))
    assert [line.text for line in kept] == ["Hello, world(3).", "今天好。"]
    starts = [[word.start for word in line.words] for line in kept]
    assert starts == [[word.start for word in line.words] for line in LINES]
    assert [line.end for line in kept] == [1.2, 3725.25]
    assert lyrics.to_srt(LINES).splitlines()[:6] == [
        "1",
        "00:00:00,050 --> 00:00:01,200",
        "Hello, world<3>.",
        "",
        "2",
        "00:01:01,000 --> 01:02:05,250",
    ]
    vtt = lyrics.to_vtt(LINES)
    assert vtt.startswith("WEBVTT\n\n00:00:00.050 --> 00:00:01.200\nHello, <00:00:00.450>world")


def test_long_sentences_become_several_subtitles() -> None:
    words = tuple(TimedWord(f"word{n}", n, n + 1) for n in range(40))
    cues = lyrics.cues_of(TimedLine(words))
    assert len(cues) > 2
    assert all(len(cue.text) <= 84 for cue in cues)
    assert [word for cue in cues for word in cue.words] == list(words)


def test_lrc_and_peaks_of_strangers_are_read_as_far_as_they_go() -> None:
    text = "[ar:Someone]\nnonsense\n[00:01.5]plain line\n[99:99.99]<1:2>x\n"
    assert [line.text for line in lyrics.from_lrc(text)] == ["plain line", "x"]
    assert peaks.from_text("zz") == ()
    assert peaks.from_text(peaks.to_text([0, 0.5, 2])) == pytest.approx((0, 0.5, 1), abs=0.01)
