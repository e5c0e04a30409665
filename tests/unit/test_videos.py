"""Recipes in video files, what is read of them, and when frames of a result are shown."""

from __future__ import annotations

import io
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from studio.engine.tasks.video.files.segments import EncodedFrame, Segment, open_segments
from studio.engine.tasks.video.scenes import is_cut, thumbnail
from studio.engine.tasks.video.timeline import Timeline
from studio.formats.pictures.embedded import Embedded
from studio.formats.recipes.recipe_files import read_content, read_embedded, writable_format
from studio.formats.videos import matroska, mp4
from studio.formats.videos.frame_rate import exact_rate
from studio.formats.videos.probe import video_facts
from studio.formats.videos.still import read_still
from studio.jobs.input_check import input_problem
from studio.kinds.kind import Medium
from studio.kinds.video import KIND, VideoRequest
from studio.library.folder.work_folders import WorkFolders
from studio.protocol import InputFile, ProblemError
from tests.video_files import moving, read_frames, stream_hashes, write_video

RECIPE = '{"request":{"task":"video"},"prompt":"狐狸 & <b>"}'


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm", ".mov"])
def test_a_recipe_is_written_read_and_replaced_and_nothing_else_changes(
    tmp_path: Path, suffix: str
) -> None:
    codec = "libvpx-vp9" if suffix == ".webm" else "libx264"
    sound = "libopus" if suffix == ".webm" else "aac"
    plain = write_video(tmp_path / f"plain{suffix}", count=3, codec=codec, sound=sound)
    for number, recipe in enumerate((RECIPE, RECIPE + " ")):
        made = tmp_path / f"made{number}{suffix}"
        with plain.open("rb") as source, made.open("w+b") as target:
            form = writable_format(source)
            assert form is not None
            content = form.write(source, target, Embedded(recipe=recipe, label='{"Label":"1"}'))
        assert (content.width, content.height) == (96, 64)
        assert content.duration == pytest.approx(0.25, abs=0.1)
        assert read_content(made) == content
        found = read_embedded(made)
        assert (found.recipe, found.label) == (recipe, '{"Label":"1"}')
        assert stream_hashes(made, "video") == stream_hashes(plain, "video")
        assert len(read_frames(made)[0]) == 3
        plain = made


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_cut_and_odd_files_are_tolerated(tmp_path: Path, suffix: str) -> None:
    whole = write_video(tmp_path / f"whole{suffix}", count=3, sound="aac").read_bytes()
    form = mp4 if suffix == ".mp4" else matroska
    for length in (0, 4, 8, 12, 40, len(whole) // 2, len(whole) - 1):
        file = io.BytesIO(whole[:length])
        assert form.read(file).recipe == ""
        file.seek(0)
        form.content(file)
        file.seek(0)
        try:
            form.write(file, io.BytesIO(), Embedded(recipe=RECIPE))
        except ValueError:
            continue
    for byte in (b"\x00", b"\x01", b"\xff"):
        file = io.BytesIO(whole[:32] + byte * 5000)
        assert form.read(file).recipe == ""


def test_facts_and_stills_of_files_and_of_what_is_none(tmp_path: Path) -> None:
    frames = list(moving(24, 64, 48))
    video = write_video(tmp_path / "a.mp4", frames, rate=12)
    facts = video_facts(video)
    assert (facts.width, facts.height, facts.frames) == (64, 48, 24)
    still = read_still(video, 1.0)
    assert still is not None and still.seconds == pytest.approx(1.0)
    pixels = np.frombuffer(still.pixels, np.uint8).reshape(48, still.stride)[:, : 3 * 64]
    assert np.abs(pixels.reshape(48, 64, 3).astype(int) - frames[12]).mean() < 8
    small = read_still(video, longest=16)
    assert small is not None and (small.width, small.height) == (16, 12)
    text = tmp_path / "text.mp4"
    text.write_text("no video")
    assert read_still(text) is None
    assert input_problem(video, [Medium.VIDEO]) is None
    assert input_problem(text, [Medium.VIDEO]) is not None
    assert input_problem(tmp_path, [Medium.VIDEO]) is not None


def test_lists_that_name_other_files_are_no_videos(tmp_path: Path) -> None:
    """A stranger's list would open any file, or an address."""
    write_video(tmp_path / "real.mp4")
    lists = {
        "a.mp4": "ffconcat version 1.0\nfile real.mp4\n",
        "b.mkv": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nreal.mp4\n#EXT-X-ENDLIST\n",
    }
    for name, text in lists.items():
        (tmp_path / name).write_text(text)
        with pytest.raises(ProblemError, match="not a video that can be read"):
            video_facts(tmp_path / name)


def test_frames_between_others_are_evenly_spaced_whatever_the_rate() -> None:
    timeline = Timeline(Fraction(1, 1000), 4, None)
    shown = [*timeline.between(0, 40), *timeline.between(40, 140), *timeline.between(140, 180)]
    assert [moment.pts * timeline.time_base * 1000 for moment in shown] == [
        *range(0, 40, 10), *range(40, 140, 25), *range(140, 180, 10)
    ]  # fmt: skip
    assert all(moment.duration for moment in shown)
    last = timeline.between(180, 220, is_last=True)
    assert [(moment.time, moment.duration) for moment in last] == [(Fraction(0), 160)]


def test_a_rate_takes_frames_as_they_are_where_one_is_shown() -> None:
    assert exact_rate(29.97) == Fraction(30000, 1001)
    assert exact_rate(23.976) == Fraction(24000, 1001)
    assert exact_rate(25) == 25
    timeline = Timeline(Fraction(1, 24), 1, Fraction(60))
    times = [moment.time for at in range(24) for moment in timeline.between(at, at + 1)]
    assert len(times) == 60 and times[:5] == [0, Fraction(2, 5), Fraction(4, 5), Fraction(1, 5),
                                              Fraction(3, 5)]  # fmt: skip


def test_a_gap_of_days_is_known_before_its_frames_are_counted() -> None:
    timeline = Timeline(Fraction(1, 1000), 1, Fraction(60))
    day = 24 * 3600 * 1000
    assert timeline.is_gap(0, 11 * day) and not timeline.is_gap(0, 40)
    assert next(timeline.between(0, 11 * day)).pts == 0
    assert not Timeline(Fraction(1, 1000), 2, None).is_gap(0, 11 * day)


def test_cuts_are_found_and_pans_fades_and_still_scenes_are_none() -> None:
    frames = [thumbnail(frame) for frame in moving(4, 160, 96)]
    other = thumbnail(next(moving(1, 160, 96, "coffee")))
    assert is_cut(frames[0], other)
    assert not is_cut(frames[0], frames[1]) and not is_cut(frames[0], frames[3])
    assert not is_cut(frames[0], frames[0]) and not is_cut(frames[0], frames[0] * 0.5)
    black = np.zeros_like(other)
    assert is_cut(frames[0], black)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({}, "scale"),
        ({"fps": 0.5}, "fps"),
        ({"scale": 2, "format": "webm", "encoder": "x264"}, "format"),
    ],
)
def test_a_request_that_makes_no_sense_is_refused(fields: dict[str, object], field: str) -> None:
    request = VideoRequest(input=InputFile("a.mp4"), **fields)  # type: ignore[arg-type]
    assert [name for name, _ in KIND.check(request)] == [field]


def test_only_the_models_that_are_used_are_needed() -> None:
    def roles(**fields: object) -> list[str]:
        request = VideoRequest(input=InputFile("a.mp4"), **fields)  # type: ignore[arg-type]
        return [need.roles[0] for need in KIND.models_of(request)]

    assert roles(scale=2) == ["upscaler"]
    assert roles(smooth=2) == roles(fps=50.0) == ["interpolator"]
    assert roles(scale=4, smooth=2) == ["upscaler", "interpolator"]


def test_what_a_job_kept_is_removed_with_its_result_and_nothing_else(tmp_path: Path) -> None:
    work = WorkFolders(tmp_path)
    kept = work.kept_folder(tmp_path)
    for name in ("first", "second"):
        (kept / name).mkdir(parents=True)
        (kept / name / "000000.segment").write_bytes(b"frames")
        (kept / name / "job").write_text(name)
    work.forget_kept(tmp_path, "first")
    assert [folder.name for folder in kept.iterdir()] == ["second"]
    work.forget_kept(tmp_path, "third")
    work.forget_kept(tmp_path, "second")
    assert not kept.exists()
    work.forget_kept(tmp_path, "second")


def test_a_segment_is_read_whole_or_not_at_all(tmp_path: Path) -> None:
    segment = Segment([EncodedFrame(0, 1, True, b"data")], {"made": 3})
    with open_segments(tmp_path / "kept", "key", tmp_path / "work") as store:
        store.write(0, segment)
        store.write(1, segment)
        (tmp_path / "kept" / "key" / "000001.segment").write_bytes(b"cut off")
        (tmp_path / "kept" / "key" / "odd.segment").write_bytes(b"")
        assert store.read(0) == segment
        assert store.numbers() == {0}
        with open_segments(tmp_path / "kept", "key", tmp_path / "work") as other:
            assert other.numbers() == frozenset()  # another process has the folder
    with open_segments(tmp_path / "kept", "key", tmp_path / "work") as store:
        assert store.numbers() == {0}
