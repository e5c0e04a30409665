"""The real engine enlarges and smooths whole files: every stream, every time, after a kill too."""

from __future__ import annotations

import itertools
import os
import shutil
import struct
import threading
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from studio.engine.local.client import EngineClient
from studio.kinds.video import VideoRequest
from studio.models.identify import describe_path
from studio.protocol import (
    AssetReady,
    Cancelled,
    Done,
    Event,
    Failed,
    InputFile,
    Progress,
    RunJob,
    Warned,
)
from tests.video_files import (
    TICKS,
    moving,
    psnr,
    read_frames,
    stream_hashes,
    write_doubling_upscaler,
    write_film,
    write_mixing_rife,
    write_video,
)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    write_mixing_rife(folder / "rife" / "rife.pth")
    write_doubling_upscaler(folder / "double" / "double.pth")
    return folder


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineClient]:
    started = EngineClient(log_dir=tmp_path_factory.mktemp("logs"))
    yield started
    started.stop()


class Runs:
    """Runs requests on an engine, and keeps what was reported."""

    def __init__(self, models: Path, folder: Path) -> None:
        self._models = models
        self._folder = folder
        self.events: list[Event] = []

    def command(self, video: Path, **fields: Any) -> RunJob:
        request = VideoRequest(input=InputFile(str(video)), **fields)
        names = ["double"] if request.scale > 1 else []
        names += ["rife"] if request.smooth > 1 or request.fps else []
        model, *extra = [describe_path(self._models / name) for name in names]
        work = self._folder / f"work-{len(list(self._folder.glob('work-*')))}"
        return RunJob(
            job="1",
            request=request,
            rows=(0,),
            model=model,
            extra_models=tuple(extra),
            work_dir=str(work),
            kept_dir=str(self._folder / "kept"),
        )

    def run(
        self,
        client: EngineClient,
        video: Path,
        note: Callable[[Event], object] = lambda _: None,
        **fields: Any,
    ) -> Event:
        self.events = []
        command = self.command(video, **fields)

        def keep(event: Event) -> None:
            self.events.append(event)
            note(event)

        final = client.run(command, keep)
        self._work = Path(command.work_dir)
        return final

    def result(self, client: EngineClient, video: Path, **fields: Any) -> Path:
        final = self.run(client, video, **fields)
        assert isinstance(final, Done), final
        (asset,) = [event for event in self.events if isinstance(event, AssetReady)]
        return client.path_of(asset.file, self._work)

    @property
    def warnings(self) -> str:
        return " ".join(str(e.message) for e in self.events if isinstance(e, Warned))

    @property
    def stats(self) -> dict[str, float]:
        (asset,) = [event for event in self.events if isinstance(event, AssetReady)]
        return asset.recipe.stats


@pytest.fixture
def runs(models: Path, tmp_path: Path) -> Runs:
    return Runs(models, tmp_path)


def test_both_at_once_keep_every_time_and_copy_the_sound(
    client: EngineClient, runs: Runs, tmp_path: Path
) -> None:
    frames = list(moving(6, 64, 48))
    times = [0, 1000, 2250, 3000, 4100, 5000]
    video = write_video(tmp_path / "a.mp4", frames, times=times, sound="aac", layout="5.1")
    result = runs.result(client, video, scale=2, smooth=2, quality=100)
    assert result.suffix == ".mp4"
    made, shown = read_frames(result)
    between = [(one + other) / 2 for one, other in itertools.pairwise(times)]
    wanted = sorted([*times, *between])
    assert shown == [Fraction(time) / (12 * TICKS) for time in map(Fraction, wanted)]
    assert [frame.shape for frame in made] == [(96, 128, 3)] * 11
    assert psnr(made[2][::2, ::2], frames[1]) > 30
    mixed = (frames[0].astype(int) + frames[1]) // 2
    assert psnr(made[1][::2, ::2], mixed.astype(np.uint8)) > 30
    assert stream_hashes(result, "audio") == stream_hashes(video, "audio")
    assert runs.stats["made"] == 5 and runs.stats["enlarged"] == 6
    assert [file.read_text() for file in (tmp_path / "kept").glob("*/job")] == ["1"]


def test_a_frame_rate_is_met_exactly(client: EngineClient, runs: Runs, tmp_path: Path) -> None:
    video = write_video(tmp_path / "a.mkv", list(moving(24, 48, 32)), rate=24)
    _, shown = read_frames(runs.result(client, video, fps=59.94, format="mp4"))
    assert shown == [number * Fraction(1001, 60_000) for number in range(60)]
    _, fewer = read_frames(runs.result(client, video, fps=10, format="mp4"))
    assert fewer == [Fraction(number, 10) for number in range(10)]


def test_cuts_are_not_mixed_and_still_frames_are_made_once(
    client: EngineClient, runs: Runs, tmp_path: Path
) -> None:
    first, second = list(moving(3, 96, 64)), list(moving(3, 96, 64, "coffee"))
    still = [second[-1]] * 3
    options = {"qp": "0"}
    video = write_video(
        tmp_path / "a.mkv", [*first, *second, *still], options=options, pixel_format="yuv444p"
    )
    result = runs.result(client, video, scale=2, smooth=2)
    made, _ = read_frames(result)
    assert (runs.stats["cuts"], runs.stats["repeated"]) == (1, 3)
    assert (runs.stats["made"], runs.stats["enlarged"]) == (4, 6)
    assert psnr(made[5], made[4]) > 35 > psnr(made[5], made[6])


def test_depth_colours_rotation_and_subtitles_are_kept(
    client: EngineClient, runs: Runs, tmp_path: Path
) -> None:
    import av

    video = write_video(
        tmp_path / "a.mkv",
        count=3,
        pixel_format="yuv420p10le",
        rotation=90,
        subtitles=20,
        sound="flac",
        colours=(9, 9, 16),
    )
    result = runs.result(client, video, scale=2)
    assert result.suffix == ".mkv"
    with av.open(str(result)) as container:
        context = container.streams.video[0].codec_context
        found = context.colorspace, context.color_primaries, context.color_trc
        assert (context.pix_fmt, *map(int, found)) == ("yuv420p10le", 9, 9, 16)
        texts = container.streams.subtitles
        assert [text.metadata["title"] for text in texts] == [f"Text {n}" for n in range(20)]
        assert container.streams.audio[0].metadata["language"] == "deu"
        assert next(container.decode(video=0)).rotation == 90
    for kind in ("audio", "subtitle"):
        assert stream_hashes(result, kind) == stream_hashes(video, kind)


def test_chapters_cover_and_texts_of_an_mp4_are_kept_in_both_containers(
    client: EngineClient, runs: Runs, tmp_path: Path
) -> None:
    import av

    video = write_film(tmp_path / "film.mp4")
    for form in ("mp4", "mkv"):
        result = runs.result(client, video, scale=2, format=form)
        assert runs.warnings == ""
        with av.open(str(result)) as container:
            titles = [chapter["metadata"]["title"] for chapter in container.chapters()]
            assert titles == ["Anfang", "Ende"]
            assert container.metadata["title"] == "狐狸"
            pictures = [s for s in container.streams.video if s.disposition.value & 1024]
            assert len(pictures) == 1
            (text,) = container.streams.subtitles
            assert text.codec_context.codec.canonical_name == {"mp4": "mov_text"}.get(
                form, "subrip"
            )
        if form == "mkv":
            with av.open(str(result)) as container:
                (packet,) = [p for p in container.demux(subtitles=0) if p.size]
                assert bytes(packet) == b"Hallo" and packet.pts == 400


def test_the_light_levels_of_hdr_are_kept_or_said_to_be_lost(
    client: EngineClient, runs: Runs, tmp_path: Path
) -> None:
    import av

    light = "hdr10=1:master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)"
    video = write_video(
        tmp_path / "a.mkv",
        count=3,
        codec="libx265",
        pixel_format="yuv420p10le",
        options={"x265-params": f"log-level=error:{light}L(10000000,50):max-cll=1000,400"},
        colours=(9, 9, 16),
    )
    result = runs.result(client, video, scale=2)
    assert runs.warnings == ""
    with av.open(str(result)) as container:
        frame = next(container.decode(video=0))
        found = {data.type.name: bytes(data) for data in frame.side_data}
    numbers = struct.unpack("=22i", found["MASTERING_DISPLAY_METADATA"][:88])
    values = [one / other for one, other in zip(numbers[:20:2], numbers[1:20:2], strict=True)]
    wanted = [0.68, 0.32, 0.265, 0.69, 0.15, 0.06, 0.3127, 0.329, 0.005, 1000]
    assert values == pytest.approx(wanted, rel=1e-3)
    assert struct.unpack("=2I", found["CONTENT_LIGHT_LEVEL"][:8]) == (1000, 400)
    runs.result(client, video, scale=2, encoder="vp9")
    assert "light levels of HDR are left out" in runs.warnings


def test_a_part_begins_and_ends_where_it_should(
    client: EngineClient, runs: Runs, tmp_path: Path
) -> None:
    frames = list(moving(36, 48, 32))
    video = write_video(tmp_path / "a.mp4", frames, sound="aac")
    made, shown = read_frames(runs.result(client, video, scale=2, start=1.0, length=1.0))
    assert (len(made), shown[0], shown[-1]) == (12, Fraction(0), Fraction(11, 12))
    assert psnr(made[0][::2, ::2], frames[12]) > 28
    late = runs.run(client, video, scale=2, start=50.0)
    assert isinstance(late, Failed) and "ends before 50 seconds" in str(late.problem.message)


def test_after_a_kill_only_the_unfinished_segment_is_made_again(
    runs: Runs, client: EngineClient, tmp_path: Path
) -> None:
    video = write_video(tmp_path / "a.mp4", list(moving(110, 32, 32)), sound="aac")
    undisturbed = runs.result(client, video, scale=2, smooth=2).read_bytes()
    shutil.rmtree(tmp_path / "kept")
    doomed = EngineClient(log_dir=tmp_path / "logs")
    killed = threading.Event()

    def kill(event: Event) -> None:
        is_late = isinstance(event, Progress) and event.step > 60
        if is_late and list((tmp_path / "kept").glob("*/*.segment")) and not killed.is_set():
            killed.set()
            psutil.Process(doomed.pid).kill()

    final = runs.run(doomed, video, kill, scale=2, smooth=2)
    doomed.stop()
    assert isinstance(final, Failed) and killed.is_set()
    (segment,) = (tmp_path / "kept").glob("*/*.segment")
    before = segment.stat().st_mtime_ns
    seen: list[int] = []
    resumed = runs.run(
        client,
        video,
        lambda _: seen.append(segment.exists() and segment.stat().st_mtime_ns),
        scale=2,
        smooth=2,
    )
    assert isinstance(resumed, Done)
    assert set(seen) <= {before, False}
    (asset,) = [event for event in runs.events if isinstance(event, AssetReady)]
    assert client.path_of(asset.file, runs._work).read_bytes() == undisturbed
    assert [file.read_text() for file in (tmp_path / "kept").glob("*/job")] == ["1"]


def test_a_video_that_is_replaced_while_it_is_read_is_not_mixed_with_another(
    runs: Runs, client: EngineClient, tmp_path: Path
) -> None:
    video = write_video(tmp_path / "a.mp4", list(moving(110, 32, 32)))
    other = write_video(tmp_path / "b.mp4", list(moving(110, 32, 32, "coffee")))

    def replace(event: Event) -> None:
        if isinstance(event, Progress) and other.exists():
            other.replace(video)

    final = runs.run(client, video, replace, scale=2, smooth=2)
    assert isinstance(final, Failed)
    assert "changed or replaced while it was read" in str(final.problem.message)


def test_folders_of_others_beside_the_segments_stay(
    runs: Runs, client: EngineClient, tmp_path: Path
) -> None:
    ours, theirs = tmp_path / "kept" / ("0" * 24), tmp_path / "kept" / "my novel"
    for folder in (ours, theirs):
        folder.mkdir(parents=True)
        os.utime(folder, (0, 0))
    video = write_video(tmp_path / "a.mp4", list(moving(3, 32, 32)))
    assert isinstance(runs.run(client, video, scale=2), Done)
    assert theirs.exists() and not ours.exists()


def test_it_stops_at_a_frame_and_goes_on_from_there(
    client: EngineClient, runs: Runs, tmp_path: Path
) -> None:
    video = write_video(tmp_path / "a.mp4", list(moving(60, 32, 32)))
    asked = threading.Event()

    def cancel(event: Event) -> None:
        if isinstance(event, Progress) and event.step >= 1 and not asked.is_set():
            asked.set()
            client.cancel("1")

    assert isinstance(runs.run(client, video, cancel, scale=2), Cancelled)
    assert len(read_frames(runs.result(client, video, scale=2))[0]) == 60


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("cut off", "is damaged or cut off"),
        ("no index", "is not a video that can be read"),
        ("no picture", "has no moving picture"),
        ("nothing", "is not a video that can be read"),
        ("text", "is not a video that can be read"),
    ],
)
def test_what_is_wrong_with_a_file_is_a_sentence(
    client: EngineClient, runs: Runs, tmp_path: Path, content: str, said: str
) -> None:
    whole = write_video(tmp_path / "whole.mkv", list(moving(40, 96, 64)))
    film = write_video(tmp_path / "whole.mp4", list(moving(10, 32, 32)))
    data = {
        "cut off": whole.read_bytes()[: whole.stat().st_size * 2 // 3],
        "no index": film.read_bytes()[: film.stat().st_size // 2],
        "nothing": b"",
        "text": b"not a video\n" * 100,
    }
    video = tmp_path / ("odd.mp4" if content == "no index" else "odd.mkv")
    if content == "no picture":
        import av

        with av.open(str(whole.with_name("odd.mkv")), "w") as container:
            from tests.video_files import _write_tone

            audio = container.add_stream("flac", rate=48_000)
            audio.layout = "stereo"
            _write_tone(container, audio, 1.0, "stereo")
    else:
        video.write_bytes(data[content])
    final = runs.run(client, video, scale=2)
    if content == "cut off":
        assert isinstance(final, Done) and said in runs.warnings
        return
    assert isinstance(final, Failed) and final.problem.kind == "bad_input"
    assert said in str(final.problem.message)


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (33, 17)])
def test_odd_sizes_are_enlarged(
    client: EngineClient, runs: Runs, tmp_path: Path, size: tuple[int, int]
) -> None:
    video = write_video(
        tmp_path / "a.mkv", list(moving(3, *size)), codec="ffv1", options={}, pixel_format="bgr0"
    )
    made, _ = read_frames(runs.result(client, video, scale=2, smooth=2, quality=95))
    assert [frame.shape[:2] for frame in made] == [(2 * size[1], 2 * size[0])] * 5


def test_fields_become_whole_frames(client: EngineClient, runs: Runs, tmp_path: Path) -> None:
    frames = list(moving(12, 96, 64))
    woven = [frame.copy() for frame in frames[1::2]]
    for frame, earlier in zip(woven, frames[::2], strict=True):
        frame[1::2] = earlier[1::2]  # the encoder takes the bottom field for the first
    options = {"crf": "5", "x264-params": "interlaced=1"}
    video = write_video(tmp_path / "a.mkv", woven, options=options, rate=25)
    result = runs.result(client, video, scale=2, quality=95)
    made, _ = read_frames(result)
    assert "interlaced" in runs.warnings and len(made) == 6
    assert psnr(made[3][::2, ::2], frames[6]) > psnr(woven[3], frames[6]) + 5
