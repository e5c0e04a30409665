"""Model files: which are loaded, which are refused and why, and no code in them is run."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from spandrel.architectures.Compact import Compact

from studio.engine.local.devices import pick_device
from studio.engine.local.job import Job, JobCancelledError
from studio.engine.local.memory import MemoryArbiter
from studio.engine.tasks.upscale.enlarge import Enlarger
from studio.engine.tasks.upscale.load import Upscaler, acquire_upscaler, weight_file
from studio.protocol import Loading, ModelRef, ProblemError
from tests.engine.upscale.upscale_bench import photograph, starter


def refer(path: Path) -> ModelRef:
    return ModelRef(id="m", name="模型 M", task="upscale", format="spandrel", path=str(path))


def load(path: Path, job: Job) -> Upscaler:
    device = pick_device("cpu")
    return acquire_upscaler(refer(path), job, MemoryArbiter(device), device)


def compact(**options: Any) -> dict[str, torch.Tensor]:
    """Random weights of a small network of a common architecture."""
    torch.manual_seed(0)
    sizes = {"num_feat": 8, "num_conv": 2, "upscale": 2} | options
    network: torch.nn.Module = Compact(**sizes)
    return network.state_dict()


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Use one thread: several wait for each other on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


class Hostile:
    """Creates a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self._path,)


# ---- loaded files


@pytest.mark.parametrize("suffix", [".safetensors", ".pth", ".pt", ".ckpt"])
def test_every_file_format_gives_the_same_network(tmp_path: Path, job: Job, suffix: str) -> None:
    path = tmp_path / f"网络 🌻{suffix}"
    if suffix == ".safetensors":
        safetensors.torch.save_file(compact(), path)
    else:
        torch.save({"params_ema": compact()}, path)
    upscaler = load(path, job)
    assert (upscaler.scale, upscaler.channels) == (2, 3)
    assert upscaler.nbytes > 0


def test_a_greyscale_network_processes_one_channel_at_a_time(tmp_path: Path, job: Job) -> None:
    torch.save(compact(num_in_ch=1, num_out_ch=1), tmp_path / "a.pth")
    upscaler = load(tmp_path / "a.pth", job)
    assert upscaler.channels == 1
    picture = photograph(12, 16).astype(np.float32) / np.float32(255)
    enlarger = Enlarger(upscaler, 2, torch.float32, 64, lambda *_: None)
    colours = enlarger.enlarge(picture, has_alpha=False)
    for number in range(3):
        alone = enlarger.enlarge(picture[..., number : number + 1], has_alpha=False)
        np.testing.assert_allclose(colours[..., number : number + 1], alone, atol=1e-6)


def test_a_folder_with_one_file_is_that_file(tmp_path: Path) -> None:
    (tmp_path / "readme.txt").touch()
    (tmp_path / "a.pth").touch()
    assert weight_file(refer(tmp_path)) == tmp_path / "a.pth"
    (tmp_path / "b.safetensors").touch()
    with pytest.raises(ProblemError, match="2 weight files"):
        weight_file(refer(tmp_path))


def test_a_loaded_network_is_reused_until_its_file_changes(tmp_path: Path, job: Job) -> None:
    path = tmp_path / "a.pth"
    torch.save(compact(), path)
    device = pick_device("cpu")
    memory = MemoryArbiter(device)
    first = acquire_upscaler(refer(path), job, memory, device)
    assert acquire_upscaler(refer(path), job, memory, device) is first
    torch.save(compact(upscale=4), path)
    assert acquire_upscaler(refer(path), job, memory, device).scale == 4
    assert len(memory.loaded()) == 1


@pytest.mark.usefixtures("one_thread")
def test_the_memory_of_a_tile_is_estimated(job: Job) -> None:
    ref = starter("dat-light-x2")
    device = pick_device("cpu")
    upscaler = acquire_upscaler(ref, job, MemoryArbiter(device), device)
    wide = upscaler.bytes_per_pixel(torch.float32)
    # The attention of one layer alone: 256 scores for each of 3 heads, in float32.
    assert 256 * 3 * 4 < wide < 100_000
    assert upscaler.bytes_per_pixel(torch.bfloat16) < wide


def test_a_cancel_while_the_file_is_read_loads_nothing(tmp_path: Path) -> None:
    torch.save(compact(), tmp_path / "a.pth")
    cancelled = threading.Event()

    def cancel_at_loading(event: object) -> None:
        if isinstance(event, Loading):
            cancelled.set()

    device = pick_device("cpu")
    memory = MemoryArbiter(device)
    job = Job("1", tmp_path, cancel_at_loading, cancelled)
    with pytest.raises(JobCancelledError):
        acquire_upscaler(refer(tmp_path / "a.pth"), job, memory, device)
    assert memory.loaded() == ()


# ---- refused files


def truncated(path: Path) -> None:
    torch.save(compact(), path)
    path.write_bytes(path.read_bytes()[:-500])


def truncated_safetensors(path: Path) -> None:
    safetensors.torch.save_file(compact(), path)
    path.write_bytes(path.read_bytes()[:-500])


def of_the_wrong_shape(path: Path) -> None:
    weights = compact()
    weights["body.2.weight"] = torch.zeros(3, 3)
    torch.save(weights, path)


def with_a_part_missing(path: Path) -> None:
    weights = compact()
    del weights["body.2.bias"]
    torch.save(weights, path)


def of_no_known_kind(path: Path) -> None:
    torch.save({"something.weight": torch.zeros(3, 3)}, path)


def no_weights(path: Path) -> None:
    torch.save([1, 2, 3], path)


def text(path: Path) -> None:
    path.write_text("<html>404 Not Found</html>")


def nothing(path: Path) -> None:
    path.write_bytes(b"")


def plain_pickle(path: Path) -> None:
    path.write_bytes(pickle.dumps({"a": 1}))


def a_restorer(path: Path) -> None:
    torch.save(compact(upscale=1), path)


def of_four_channels(path: Path) -> None:
    torch.save(compact(num_in_ch=4, num_out_ch=4), path)


@pytest.mark.parametrize(
    ("name", "make", "kind", "words"),
    [
        ("a.pth", truncated, "model_broken", "damaged or incomplete"),
        ("a.safetensors", truncated_safetensors, "model_broken", "damaged or incomplete"),
        ("a.pth", of_the_wrong_shape, "model_broken", "are inconsistent"),
        ("a.pth", with_a_part_missing, "model_broken", "are inconsistent"),
        ("a.pth", of_no_known_kind, "model_broken", "not a supported upscaling model"),
        ("a.pth", no_weights, "model_broken", "damaged or incomplete"),
        ("a.pth", text, "model_broken", "damaged or incomplete"),
        ("a.pth", nothing, "model_broken", "damaged or incomplete"),
        ("a.pth", plain_pickle, "model_broken", "damaged or incomplete"),
        ("a.pth", a_restorer, "bad_input", "does not enlarge"),
        ("a.pth", of_four_channels, "bad_input", "channels"),
        ("a.pth", lambda _: None, "model_missing", "no longer at"),
    ],
)
def test_an_unusable_file_is_named_and_explained(
    tmp_path: Path, job: Job, name: str, make: Callable[[Path], None], kind: str, words: str
) -> None:
    make(tmp_path / name)
    with pytest.raises(ProblemError) as caught:
        load(tmp_path / name, job)
    assert caught.value.problem.kind == kind
    assert words in str(caught.value)
    assert "模型 M" in str(caught.value)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickle_that_runs_code_is_refused(tmp_path: Path, job: Job, zipped: bool) -> None:
    mark = tmp_path / "it ran"
    weights: dict[str, Any] = {**compact(), "z": Hostile(mark)}
    path = tmp_path / "a.pth"
    torch.save(weights, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(ProblemError) as caught:
        load(path, job)
    assert caught.value.problem.kind == "model_broken"
    assert "run code" in str(caught.value)
    assert not mark.exists()


@pytest.mark.filterwarnings("ignore:.*(deprecated|TorchScript)")
def test_a_torchscript_program_is_refused(tmp_path: Path, job: Job) -> None:
    path = tmp_path / "a.pt"
    torch.jit.trace(torch.nn.Conv2d(3, 3, 3), torch.zeros(1, 3, 8, 8)).save(path)
    with pytest.raises(ProblemError, match="run code"):
        load(path, job)
