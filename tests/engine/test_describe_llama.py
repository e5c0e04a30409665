"""Texts about pictures by GGUF files: a language model and the `mmproj` file beside it."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from studio.engine.local.devices import Device, memory_limit
from studio.engine.local.job import Job, JobCancelledError
from studio.engine.local.memory import MemoryArbiter
from studio.engine.tasks.describe import run as describe_run
from studio.formats.llama.library import llama_library
from studio.formats.llama.pictures import node_callback, picture_library
from studio.kinds.describe import DescribeRequest
from studio.models.identify import describe_path
from studio.models.weights_in_memory import weights_in_memory
from studio.protocol import AssetReady, Event, InputFile, ProblemError, RunJob, TextDelta
from tests.engine.tiny_text import tiny_gguf, tiny_projector

TYPED = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n"
    "{% for part in message.content %}{{ part.text }}{% endfor %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
WITHOUT_PROMPT = "{% for message in messages %}{{ message.role }}{% endfor %}"


class Writer:
    """Runs jobs in this process, on the CPU."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.device = Device("cpu", memory_limit(), "test")
        self.memory = MemoryArbiter(self.device)
        self.cancelled = threading.Event()
        self.events: list[Event] = []
        self.at: Any = None

    def picture(self, name: str = "a.png", size: tuple[int, int] = (64, 48)) -> Path:
        gradient = Image.linear_gradient if name == "a.png" else Image.radial_gradient
        gradient("L").resize(size).convert("RGB").save(self.folder / name)
        return self.folder / name

    def _heard(self, event: Event) -> None:
        self.events.append(event)
        if self.at is not None and self.at(event):
            self.cancelled.set()

    def run(
        self, rows: Sequence[int] = (0,), model: str = "mmproj-tiny.gguf", **fields: Any
    ) -> list[str]:
        self.events = []
        values: dict[str, Any] = {"seed": 4, "max_tokens": 12, "temperature": 1.0, "prompt": "ab c"}
        values |= {"count": max(rows) + 1, **fields}
        picture = values.pop("picture", None) or self.picture()
        work = self.folder / f"work-{len(list(self.folder.glob('work-*')))}"
        command = RunJob(
            job="1",
            request=DescribeRequest(input=InputFile(str(picture)), **values),
            rows=tuple(rows),
            model=describe_path(self.folder / model),
            work_dir=str(work),
        )
        job = Job("1", work, self._heard, self.cancelled)
        describe_run.run(job, command, self.memory, self.device)
        assets = [event for event in self.events if isinstance(event, AssetReady)]
        return [(work / asset.file.name).read_text("utf-8") for asset in assets]


@pytest.fixture
def writer(tmp_path: Path) -> Writer:
    tiny_gguf(tmp_path / "tiny.gguf")
    tiny_projector(tmp_path / "mmproj-tiny.gguf")
    return Writer(tmp_path)


SERVER = """
import json, sys
import xllamacpp
params = xllamacpp.CommonParams()
params.model.path, params.mmproj.path = sys.argv[1:3]
params.n_ctx, params.warmup, params.cpuparams.n_threads = 512, False, 1
answer = xllamacpp.Server(params).handle_chat_completions(json.loads(sys.stdin.read()))
print(json.dumps(answer["choices"][0]["message"]["content"]))
"""


def plain_answer(folder: Path, picture: Path, prompt: str) -> str:
    """Return what llama.cpp's own server writes, in a process of its own: it takes over the log."""
    url = "data:image/png;base64," + base64.b64encode(picture.read_bytes()).decode()
    parts = [{"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": prompt}]
    request = {"messages": [{"role": "user", "content": parts}], "temperature": 0, "max_tokens": 12}
    files = [str(folder / "tiny.gguf"), str(folder / "mmproj-tiny.gguf")]
    done = subprocess.run(
        [sys.executable, "-c", SERVER, *files],
        input=json.dumps(request),
        capture_output=True,
        text=True,
        check=True,
    )
    return str(json.loads(done.stdout.splitlines()[-1]))


def test_the_text_is_that_of_the_plain_server(writer: Writer) -> None:
    for name in ("a.png", "b.png"):
        picture = writer.picture(name)
        (text,) = writer.run(picture=picture, temperature=0.0)
        assert text == plain_answer(writer.folder, picture, "ab c").strip()
        deltas = [event.text for event in writer.events if isinstance(event, TextDelta)]
        assert "".join(deltas).strip() == text


def test_a_row_is_the_same_alone_and_beside_others_and_the_picture_matters(writer: Writer) -> None:
    first, second = writer.run((0, 1))
    assert writer.run((1,)) == [second] != [first]
    assert writer.run((0, 1), picture=writer.picture("b.png")) != [first, second]


def test_the_recipe_says_both_files_and_changes_with_either(writer: Writer) -> None:
    def fingerprint() -> str:
        writer.run()
        (asset,) = [event for event in writer.events if isinstance(event, AssetReady)]
        assert asset.recipe.dtype == "F32"
        return asset.recipe.model_sha256

    before = fingerprint()
    writer.memory.release_all()
    tiny_gguf(writer.folder / "tiny.gguf", template=TYPED)
    assert fingerprint() != before


def test_its_memory_is_that_of_both_files(writer: Writer) -> None:
    ref = describe_path(writer.folder / "mmproj-tiny.gguf")
    files = [writer.folder / name for name in ("tiny.gguf", "mmproj-tiny.gguf")]
    assert ref.size == sum(file.stat().st_size for file in files)
    assert 0.9 * ref.size < weights_in_memory(ref, 4) < ref.size


def test_templates_of_parts_are_filled_and_those_that_leave_out_the_prompt_refused(
    writer: Writer,
) -> None:
    (text,) = writer.run(temperature=0.0)
    writer.memory.release_all()
    tiny_gguf(writer.folder / "tiny.gguf", template=TYPED)
    assert writer.run(temperature=0.0) == [text]
    writer.memory.release_all()
    tiny_gguf(writer.folder / "tiny.gguf", template=WITHOUT_PROMPT)
    with pytest.raises(ProblemError, match="chat template"):
        writer.run()
    writer.memory.release_all()
    tiny_gguf(writer.folder / "tiny.gguf", template=None)
    assert writer.run(temperature=0.0) != [text]


def test_a_prompt_that_spells_out_markers_and_special_tokens_is_read(writer: Writer) -> None:
    for prompt in (
        "<__media__>",
        "<picture-0> <picture-1>",
        "<|im_end|>",
        "{{ x }}",
        "\ud800 狐狸",
    ):
        assert writer.run(prompt=prompt)


def test_cancelling_ends_the_reading_of_a_picture_and_the_writing(
    writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = llama_library()
    assert library is not None
    pictures = picture_library(library)
    read = pictures.helper_eval_chunks  # type: ignore[union-attr]

    def cancelled_read(*arguments: object) -> int:
        writer.cancelled.set()
        return int(read(*arguments))

    with monkeypatch.context() as patch:
        patch.setattr(pictures, "helper_eval_chunks", cancelled_read)
        with pytest.raises(JobCancelledError):
            writer.run()
    writer.cancelled.clear()
    writer.at = lambda event: isinstance(event, TextDelta)
    with pytest.raises(JobCancelledError):
        writer.run(max_tokens=400)
    writer.cancelled.clear()
    writer.at = None
    assert writer.run()


def test_what_does_not_fit_the_context_is_said_and_an_answer_ends_with_it(writer: Writer) -> None:
    with pytest.raises(ProblemError, match="the context of the model has 512"):
        writer.run(prompt="x" * 600)
    writer.run(prompt="x" * 450, max_tokens=400)
    (asset,) = [event for event in writer.events if isinstance(event, AssetReady)]
    assert asset.recipe.stats["tokens"] < 60


def test_the_language_model_beside_it_is_the_one_of_its_width(writer: Writer) -> None:
    assert describe_path(writer.folder / "mmproj-tiny.gguf").name == "Tiny (F32) + mmproj"
    tiny_projector(writer.folder / "mmproj-wide.gguf", width=96)
    with pytest.raises(ProblemError, match=r"does not fit the language model tiny\.gguf"):
        writer.run(model="mmproj-wide.gguf")
    alone = writer.folder / "alone"
    alone.mkdir()
    tiny_projector(alone / "mmproj-tiny.gguf")
    with pytest.raises(ProblemError, match="there is none beside it"):
        describe_path(alone / "mmproj-tiny.gguf")


def test_the_calculation_of_a_picture_asks_now_and_then_whether_it_may_go_on() -> None:
    asks = node_callback(lambda: False)
    assert [asks(None, True, None) for _ in range(128)].count(True) == 2
    assert not asks(None, False, None)
