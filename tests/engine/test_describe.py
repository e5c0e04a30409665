"""Texts about pictures: each way to take a picture, rows, limits, cancelling, odd files."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from studio.engine.local.devices import Device, memory_limit
from studio.engine.local.job import Job, JobCancelledError
from studio.engine.local.memory import MemoryArbiter
from studio.engine.tasks.describe import model as vision_model
from studio.engine.tasks.describe import run as describe_run
from studio.engine.tasks.describe import writing
from studio.engine.tasks.describe.picture_input import MOST_SIDE
from studio.engine.tasks.describe.writing import model_inputs
from studio.kinds.describe import DescribeRequest
from studio.models.identify import describe_path
from studio.protocol import (
    AssetReady,
    Event,
    InputFile,
    ProblemError,
    Recipe,
    RunJob,
    TextDelta,
    Warned,
)
from tests.engine import tiny_vision

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


class Writer:
    """Runs jobs in this process, on the CPU and in float32."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.device = Device("cpu", memory_limit(), "test")
        self.memory = MemoryArbiter(self.device)
        self.cancelled = threading.Event()
        self.events: list[Event] = []

    def picture(self, name: str = "cat.png", size: tuple[int, int] = (64, 48)) -> InputFile:
        path = self.folder / name
        Image.linear_gradient("L").resize(size).convert("RGB").save(path)
        return InputFile(str(path))

    def run(self, family: str, rows: Sequence[int] = (0,), **fields: Any) -> list[str]:
        self.events = []
        values: dict[str, Any] = {"seed": 40, "max_tokens": 8, "temperature": 1.0}
        values |= {"count": max(rows) + 1, **fields}
        values.setdefault("input", self.picture())
        work = self.folder / f"work-{len(list(self.folder.glob('work-*')))}"

        command = RunJob(
            job="1",
            request=DescribeRequest(**values),
            rows=tuple(rows),
            model=describe_path(tiny_vision.folder_of(family)),
            work_dir=str(work),
        )
        describe_run.run(
            Job("1", work, self.events.append, self.cancelled), command, self.memory, self.device
        )
        return [(work / asset.file.name).read_text("utf-8") for asset in self.of(AssetReady)]

    def of(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def recipe(self) -> Recipe:
        recipe: Recipe = self.of(AssetReady)[0].recipe
        return recipe


@pytest.fixture
def writer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Writer:
    torch.set_num_threads(1)
    monkeypatch.setattr(vision_model, "best_dtype", lambda _: torch.float32)
    return Writer(tmp_path)


@pytest.mark.parametrize("family", tiny_vision.FAMILIES)
def test_every_way_to_take_a_picture_writes_what_the_plain_call_writes(
    family: str, writer: Writer
) -> None:
    from transformers import AutoModelForImageTextToText, AutoProcessor

    (text,) = writer.run(family, prompt="a red cat", temperature=0.0)
    assert "".join(event.text for event in writer.of(TextDelta)).strip() == text
    folder = tiny_vision.folder_of(family)
    model = AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32).eval()
    processor = AutoProcessor.from_pretrained(folder)
    content = [{"type": "image"}, {"type": "text", "text": "a red cat"}]
    prompt = processor.apply_chat_template(
        [{"role": "user", "content": content}], add_generation_prompt=True
    )
    picture = Image.open(writer.folder / "cat.png").convert("RGB")
    inputs = processor(images=[picture], text=[prompt], return_tensors="pt")
    made = model.generate(**inputs, max_new_tokens=8, do_sample=False)
    plain = processor.tokenizer.decode(
        made[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True
    )
    assert text == plain.strip()
    assert (writer.recipe.request.task, writer.recipe.stats["tokens"]) == ("describe", 8.0)
    assert writer.recipe.parents[0].path == str(writer.folder / "cat.png")


@pytest.mark.parametrize("family", tiny_vision.FAMILIES)
def test_a_row_is_the_same_alone_and_beside_others(family: str, writer: Writer) -> None:
    first, second = writer.run(family, (0, 1))
    assert writer.run(family, (1,)) == [second]
    assert first != second


def test_several_texts_differ_although_the_model_is_greedy_and_one_is_reproduced(
    writer: Writer,
) -> None:
    first, second = writer.run("qwen", (0, 1), temperature=None)
    assert first != second
    request = writer.of(AssetReady)[1].recipe.request
    assert request.temperature == 0.7
    fields = {name: getattr(request, name) for name in ("seed", "temperature", "count")}
    assert writer.run("qwen", **fields) == [second]


def test_the_picture_and_the_prompt_matter(writer: Writer) -> None:
    plain = writer.run("qwen")
    assert writer.run("qwen", prompt="a red cat") != plain
    other = writer.folder / "noise.png"
    Image.effect_noise((64, 48), 120).convert("RGB").save(other)
    assert writer.run("qwen", input=InputFile(str(other))) != plain


def test_a_text_that_reaches_the_limit_is_said(writer: Writer) -> None:
    writer.run("llava", max_tokens=4, temperature=0.0)
    assert any("limit of 4 tokens" in str(event.message) for event in writer.of(Warned))
    assert writer.recipe.stats["reached_limit"] == 1.0


def test_a_job_is_cancelled_at_a_token(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    counts: list[int] = []

    def write_text(*arguments: Any) -> Any:
        on_text = arguments[-1]

        def stop(new: str, count: int) -> None:
            counts.append(count)
            on_text(new, count)
            if count == 3:
                writer.cancelled.set()

        changed: list[Any] = [*arguments[:-1], stop]
        return plain(*changed)

    plain = writing.write_text
    monkeypatch.setattr(writing, "write_text", write_text)
    with pytest.raises(JobCancelledError):
        writer.run("llava", temperature=0.0, max_tokens=200)
    assert not writer.of(AssetReady) and max(counts) == 3
    writer.cancelled.clear()
    monkeypatch.undo()
    monkeypatch.setattr(vision_model, "best_dtype", lambda _: torch.float32)
    assert writer.run("llava")


def test_large_turned_and_grey_pictures_are_read_small_and_upright(writer: Writer) -> None:
    loaded = vision_model.acquire_vision(
        Job("2", writer.folder / "w", writer.events.append, writer.cancelled),
        describe_path(tiny_vision.folder_of("qwen")),
        writer.memory,
        writer.device,
        saves_memory=False,
    )
    seen: list[Any] = []
    processor = loaded.processor

    class Watched:
        def __call__(self, images: Any, **rest: Any) -> Any:
            seen.extend(images)
            return processor(images=images, **rest)

        def __getattr__(self, name: str) -> Any:
            return getattr(processor, name)

    loaded.processor = Watched()
    model_inputs(loaded, Image.new("RGB", (6000, 3000)), "a cat")
    assert seen[0].size == (MOST_SIDE, MOST_SIDE // 2)
    turned = writer.folder / "turned.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("L", (80, 40)).save(turned, exif=exif)
    assert writer.run("qwen", input=InputFile(str(turned)))


def test_a_first_token_that_the_template_writes_is_not_doubled(writer: Writer) -> None:
    loaded = vision_model.acquire_vision(
        Job("2", writer.folder / "w", writer.events.append, writer.cancelled),
        describe_path(tiny_vision.folder_of("qwen")),
        writer.memory,
        writer.device,
        saves_memory=False,
    )
    processor = loaded.processor
    first = processor.tokenizer.bos_token_id

    class WithFirst:
        chat_template = "<s>" + processor.chat_template

        def __call__(self, *, add_special_tokens: bool = True, **rest: Any) -> Any:
            found = processor(**rest)
            if add_special_tokens:
                ids = found["input_ids"]
                found["input_ids"] = torch.cat([torch.full((1, 1), first), ids], 1)
            return found

        def __getattr__(self, name: str) -> Any:
            return getattr(processor, name)

    loaded.processor = WithFirst()
    inputs = model_inputs(loaded, Image.new("RGB", (60, 30)), "a cat")
    assert (inputs["input_ids"] == first).sum() == 1


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\nbroken"])
def test_what_is_no_picture_is_said(content: bytes, writer: Writer) -> None:
    path = writer.folder / "odd.png"
    path.write_bytes(content)
    with pytest.raises(ProblemError, match="not a readable picture"):
        writer.run("llava", input=InputFile(str(path)))
    with pytest.raises(ProblemError, match="no longer exists"):
        writer.run("llava", input=InputFile(str(writer.folder / "gone.png")))


def test_special_tokens_in_a_prompt_do_not_stop_the_engine(writer: Writer) -> None:
    with pytest.raises(ProblemError, match="special tokens"):
        writer.run("llava", prompt="<image> <image> a cat")


def test_a_template_without_an_end_is_refused(writer: Writer, tmp_path: Path) -> None:
    import shutil

    folder = tmp_path / "endless"
    shutil.copytree(tiny_vision.folder_of("llava"), folder)
    template = "{% for a in range(99999) %}{% for b in range(99999) %}x{% endfor %}{% endfor %}"
    (folder / "chat_template.jinja").write_text(template)
    command = RunJob(
        job="1",
        request=DescribeRequest(input=writer.picture()),
        rows=(0,),
        model=describe_path(folder),
        work_dir=str(tmp_path / "w"),
    )
    job = Job("1", tmp_path / "w", writer.events.append, writer.cancelled)
    with pytest.raises(ProblemError, match="chat template"):
        describe_run.run(job, command, writer.memory, writer.device)
