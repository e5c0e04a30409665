"""Clips from every kind of video pipeline: text, pictures, seeds, memory and cancelling."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from studio.engine.local.devices import Device, memory_limit
from studio.engine.local.job import Job, JobCancelledError
from studio.engine.local.memory import MemoryArbiter
from studio.engine.tasks.clip import run as clip_run
from studio.engine.tasks.clip.encode import last_frame
from studio.engine.tasks.clip.model.pipelines import describe, valid_frames
from studio.engine.tasks.clip.planning import make_plan
from studio.engine.tasks.clip.sampling import call_arguments, make_frames
from studio.engine.tasks.image.model import load
from studio.kinds.clip import ClipRequest
from studio.models.identify import describe_path
from studio.protocol import (
    AssetReady,
    Event,
    InputFile,
    Preview,
    ProblemError,
    Progress,
    Recipe,
    RunJob,
    Warned,
)
from tests.engine import tiny_videos
from tests.video_files import moving, read_frames, write_video

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")

SIDE = 64


class Clips:
    """Runs clip jobs in this process, on the CPU and in float32."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.device = Device("cpu", memory_limit(), "test")
        self.memory = MemoryArbiter(self.device)
        self.cancelled = threading.Event()
        self.events: list[Event] = []

    def run(
        self,
        family: str,
        rows: Sequence[int] = (0,),
        note: Callable[[Event], object] = lambda _: None,
        **fields: Any,
    ) -> list[Path]:
        self.events = []
        values: dict[str, Any] = {"prompt": "a red cat", "seed": 40, "steps": 2, "frames": 9}
        values |= {"width": SIDE, "height": SIDE, "count": max(rows) + 1, **fields}
        work = self.folder / f"work-{len(list(self.folder.glob('work-*')))}"

        def send(event: Event) -> None:
            self.events.append(event)
            note(event)

        command = RunJob(
            job="1",
            request=ClipRequest(**values),
            rows=tuple(rows),
            model=describe_path(tiny_videos.folder_of(family)),
            work_dir=str(work),
        )
        clip_run.run(Job("1", work, send, self.cancelled), command, self.memory, self.device)
        return [work / asset.file.name for asset in self.of(AssetReady)]

    def of(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def recipe(self) -> Recipe:
        (asset,) = self.of(AssetReady)
        recipe: Recipe = asset.recipe
        return recipe

    @property
    def warnings(self) -> str:
        return " ".join(str(event.message) for event in self.of(Warned))


def call_arguments_of(clips: Clips) -> dict[str, Any]:
    """Return the arguments of the pipeline for the request of the last result."""
    request, job = (
        clips.recipe.request,
        Job("2", clips.folder, clips.events.append, clips.cancelled),
    )
    assert isinstance(request, ClipRequest)
    loaded = clips.memory.find(clips.memory.loaded()[-1])
    assert isinstance(loaded, load.LoadedPipeline)
    return call_arguments(loaded.pipeline, make_plan(request, loaded, job), saves_memory=False)


@pytest.fixture
def clips(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Clips:
    # For networks this small, several threads cost more than they gain.
    torch.set_num_threads(1)
    monkeypatch.setattr(load, "best_dtype", lambda _: torch.float32)
    return Clips(tmp_path)


@pytest.fixture
def picture(tmp_path: Path) -> InputFile:
    (frame,) = moving(1, 100, 80)
    Image.fromarray(frame).save(tmp_path / "first.png")
    return InputFile(str(tmp_path / "first.png"))


CONTROLS = {
    "wan": "",
    "wan_both": "image",
    "wan_image": "image last_image needs_image",
    "wan_ends": "image last_image needs_image",
    "ltx": "image",
    "ltx_conditions": "image last_image",
    "cogvideox": "",
    "hunyuan": "",
    "svd": "image needs_image",
}


@pytest.mark.parametrize("family", tiny_videos.FAMILIES)
def test_every_class_of_pipeline_makes_a_clip_of_what_it_takes(
    family: str, clips: Clips, picture: InputFile
) -> None:
    model = describe_path(tiny_videos.folder_of(family))
    assert (model.task, model.role) == ("clip", "base")
    capabilities = describe(model)
    wanted = set(CONTROLS[family].split())
    pictures = {"image", "last_image", "needs_image"}
    assert pictures & set(capabilities.controls) == wanted
    fields: dict[str, Any] = {}
    if "image" in wanted:
        fields["image"] = picture
    if "last_image" in wanted:
        fields["last_image"] = picture
    (made,) = clips.run(family, fps=10, **fields)
    frames, times = read_frames(made)
    assert [frame.shape for frame in frames] == [(SIDE, SIDE, 3)] * 9
    assert [float(time) for time in times] == pytest.approx([n / 10 for n in range(9)])
    assert clips.of(Progress)[-1].step == clips.of(Progress)[-1].steps == 2
    request = clips.recipe.request
    assert isinstance(request, ClipRequest)
    assert (request.seed, request.frames, request.fps, request.width) == (40, 9, 10, SIDE)
    assert bool(request.image) == ("image" in wanted)
    if "needs_image" in wanted:
        with pytest.raises(ProblemError, match="Choose the first frame"):
            clips.run(family)


@pytest.mark.parametrize("family", ["wan", "ltx", "cogvideox"])
def test_a_row_is_the_clip_of_its_seed_alone_bit_for_bit(family: str, clips: Clips) -> None:
    both = [path.read_bytes() for path in clips.run(family, rows=(0, 1))]
    (alone,) = clips.run(family, seed=41)
    assert both[0] != both[1]
    assert alone.read_bytes() == both[1]
    request = clips.recipe.request
    assert isinstance(request, ClipRequest)
    values = {name: getattr(request, name) for name in request.__struct_fields__}
    (again,) = clips.run(family, **values)
    assert again.read_bytes() == both[1]


def test_a_first_picture_changes_the_clip_and_a_last_one_too(
    clips: Clips, picture: InputFile
) -> None:
    (text,) = clips.run("ltx")
    (first,) = clips.run("ltx", image=picture)
    assert text.read_bytes() != first.read_bytes()
    (first,) = clips.run("wan_image", image=picture)
    (both,) = clips.run("wan_image", image=picture, last_image=picture)
    assert first.read_bytes() != both.read_bytes()
    with pytest.raises(ProblemError, match="Choose the last frame"):
        clips.run("wan_ends", image=picture)
    clips.run("ltx_conditions", image=picture, last_image=picture)
    arguments = call_arguments_of(clips)
    assert len(arguments["image"]) == 2
    assert arguments["frame_index"] == [0, 8]


def test_a_clip_goes_on_from_the_last_frame_of_a_video(clips: Clips, tmp_path: Path) -> None:
    shown = list(moving(30, SIDE, SIDE))
    video = write_video(tmp_path / "before.mp4", shown, options={"qp": "0"})
    found = last_frame(video, lambda: None)
    assert np.abs(found.astype(int) - shown[-1]).mean() < 3
    (made,) = clips.run("wan_both", input=InputFile(str(video)))
    assert len(read_frames(made)[0]) == 8, "the last frame is repeated"
    request = clips.recipe.request
    assert isinstance(request, ClipRequest)
    assert request.input is not None
    assert [parent.path for parent in clips.recipe.parents] == [str(video)]
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(video.read_bytes()[:300])
    with pytest.raises(ProblemError):
        clips.run("wan_both", input=InputFile(str(broken)))


def test_what_a_model_does_not_take_is_said(clips: Clips, picture: InputFile) -> None:
    clips.run("wan", image=picture, frames=7, width=70)
    assert "cannot begin with a picture" in clips.warnings
    assert "The clip has 9 frames" in clips.warnings
    assert "The size was changed to 64 × 64" in clips.warnings
    assert [valid_frames(frames, 4) for frames in (1, 2, 4, 7, 81)] == [1, 1, 5, 9, 81]
    assert valid_frames(7, 1) == 7


def test_it_stops_at_a_step_and_the_model_stays_usable(clips: Clips) -> None:
    def stop(event: Event) -> None:
        if isinstance(event, Progress) and event.step >= 2:
            clips.cancelled.set()

    with pytest.raises(JobCancelledError):
        clips.run("wan", note=stop, steps=50)
    assert clips.of(Progress)[-1].step < 50
    clips.cancelled.clear()
    assert clips.run("wan")


def test_frames_are_previewed_while_it_runs(clips: Clips, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("studio.engine.tasks.clip.sampling._MIN_INTERVAL", -1.0)
    monkeypatch.setattr("studio.engine.local.job.REPORT_INTERVAL", 0.0)
    for family in ("wan", "ltx", "cogvideox"):
        clips.run(family, steps=6)
        assert clips.of(Preview), family


def test_without_memory_it_decodes_in_tiles_and_then_with_fewer_bits_and_then_says_so(
    clips: Clips, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = make_frames
    failures = iter([True, False])

    def out_of_memory(*arguments: Any, **more: Any) -> Any:
        if next(failures, True):
            raise torch.OutOfMemoryError
        return real(*arguments, **more)

    monkeypatch.setattr("studio.engine.tasks.clip.run.make_frames", out_of_memory)
    assert clips.run("wan")
    assert "decoded in tiles" in clips.warnings
    assert any("tiles" in change for change in clips.recipe.adjustments)
    with pytest.raises(ProblemError, match="Choose fewer frames"):
        clips.run("wan")


def test_a_pipeline_that_needs_a_video_is_refused_with_what_to_use(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "model_index.json").write_text('{"_class_name": "WanVideoToVideoPipeline"}')
    with pytest.raises(ProblemError, match="needs a video, a sound or more"):
        describe_path(folder)
