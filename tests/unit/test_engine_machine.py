"""Memory limits of the machine, hashes of weights, the environment of the engine."""

from __future__ import annotations

import errno
import hashlib
import os
import sys
from pathlib import Path

import pytest

from studio.engine.local import devices
from studio.engine.local.devices import Device, available_bytes, is_out_of_memory, memory_limit
from studio.engine.local.environment import engine_variables, physical_cores, temporary_environment
from studio.formats.weights.weights_fingerprint import weight_hash
from studio.protocol import ModelRef, problem

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="control groups of Linux")


def ref(path: Path) -> ModelRef:
    return ModelRef(id="m", name="M", task="text", format="transformers", path=str(path))


# ---- memory


@pytest.fixture
def group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Fake a control group two levels deep; return its folder."""
    (tmp_path / "proc" / "self").mkdir(parents=True)
    folder = tmp_path / "cgroup" / "slice" / "app"
    folder.mkdir(parents=True)
    monkeypatch.setattr(devices, "_PROC", tmp_path / "proc")
    monkeypatch.setattr(devices, "_CGROUP", tmp_path / "cgroup")
    (tmp_path / "proc" / "self" / "cgroup").write_text("0::/slice/app\n")
    return folder


def limit(folder: Path, maximum: str, used: int, cache: int) -> None:
    (folder / "memory.max").write_text(f"{maximum}\n")
    (folder / "memory.current").write_text(f"{used}\n")
    (folder / "memory.stat").write_text(f"anon 1\ninactive_file {cache}\n")


@linux
def test_a_control_group_limits_memory_and_dropped_file_pages_are_free(group: Path) -> None:
    limit(group, "1000", used=600, cache=200)
    assert available_bytes(Device("cpu", 1000, "")) == 600
    assert memory_limit() == 1000


@linux
def test_the_tightest_of_nested_control_groups_counts(group: Path) -> None:
    limit(group, "max", used=500, cache=0)
    limit(group.parent, "900", used=500, cache=0)
    assert available_bytes(Device("cpu", 1000, "")) == 400


@linux
def test_no_limit_leaves_the_memory_of_the_machine(group: Path) -> None:
    limit(group, "max", used=500, cache=0)
    assert memory_limit() > 100_000_000


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (MemoryError(), True),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), True),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: 9 bytes"), True),
        (problem("out_of_memory", "Too little memory."), True),
        (RuntimeError("shape mismatch"), False),
        (OSError(errno.ENOSPC, "No space left on device"), False),
        (problem("model_broken", "Broken: out of memory is not what this is."), False),
    ],
)
def test_running_out_of_memory_is_recognised(error: Exception, expected: bool) -> None:
    assert is_out_of_memory(error) is expected
    try:
        try:
            raise error
        except Exception as cause:
            raise RuntimeError("the library says it failed") from cause
    except RuntimeError as outer:
        assert is_out_of_memory(outer) is expected


# ---- weights


def test_the_hash_of_a_single_weight_file_is_that_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    (tmp_path / "config.json").write_text("{}")
    expected = hashlib.sha256(b"weights").hexdigest()
    assert weight_hash(ref(tmp_path)) == expected
    assert weight_hash(ref(tmp_path / "model.safetensors")) == expected


def test_the_hash_of_a_folder_depends_on_names_and_contents_not_on_its_place(
    tmp_path: Path,
) -> None:
    for place in ("a", "b", "c"):
        (tmp_path / place / "unet").mkdir(parents=True)
        (tmp_path / place / "unet" / "1.safetensors").write_bytes(b"one")
        (tmp_path / place / "unet" / "2.bin").write_bytes(b"two" if place != "c" else b"three")
    a, b, c = (weight_hash(ref(tmp_path / place)) for place in ("a", "b", "c"))
    assert a == b != c


def test_a_changed_file_is_hashed_again(tmp_path: Path) -> None:
    file = tmp_path / "m.gguf"
    file.write_bytes(b"old")
    before = weight_hash(ref(file))
    file.write_bytes(b"newer")
    assert weight_hash(ref(file)) != before


def test_hashing_can_be_interrupted_and_a_missing_model_has_no_hash(tmp_path: Path) -> None:
    (tmp_path / "m.gguf").write_bytes(b"weights")

    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        weight_hash(ref(tmp_path / "m.gguf"), stop)
    assert weight_hash(ref(tmp_path / "nowhere")) == ""


# ---- environment


def test_variables_of_the_user_win_but_the_network_stays_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    variables = engine_variables()
    assert "OMP_NUM_THREADS" not in variables
    assert variables["HF_HUB_OFFLINE"] == "1"
    assert engine_variables(threads=2)["OMP_NUM_THREADS"] == "2"


def test_untuned_omits_only_the_variables_for_speed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("OMP_", "GOMP_", "MALLOC_", "THP_", "TOKENIZERS_", "PYTORCH_")):
            monkeypatch.delenv(name)
    tuned, plain = engine_variables(), engine_variables(tuned=False)
    assert plain.items() <= tuned.items()
    assert plain["OMP_NUM_THREADS"] == str(physical_cores())
    assert plain["TRANSFORMERS_OFFLINE"] == "1"
    if sys.platform.startswith("linux"):
        assert tuned["THP_MEM_ALLOC_ENABLE"] == "1"
        assert "THP_MEM_ALLOC_ENABLE" not in plain


def test_the_environment_is_restored_also_after_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_OLD", "old")
    monkeypatch.delenv("STUDIO_NEW", raising=False)
    with (
        pytest.raises(ZeroDivisionError),
        temporary_environment({"STUDIO_OLD": "changed", "STUDIO_NEW": "new"}),
    ):
        assert os.environ["STUDIO_OLD"] == "changed"
        assert os.environ["STUDIO_NEW"] == "new"
        raise ZeroDivisionError
    assert os.environ["STUDIO_OLD"] == "old"
    assert "STUDIO_NEW" not in os.environ
