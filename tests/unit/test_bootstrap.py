"""The bootstrap: sentences about missing requirements, and no step done twice."""

from __future__ import annotations

import ast
import importlib.util
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "packaging" / "bootstrap.py"
CONSTRAINTS = ROOT / "packaging" / "constraints.txt"


@pytest.fixture
def bootstrap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The bootstrap of a temporary project, in a folder with a space and Chinese in its name."""
    spec = importlib.util.spec_from_file_location("bootstrap_under_test", SOURCE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    root = tmp_path / "项目 project"
    root.mkdir()
    (root / "pyproject.toml").write_text("[project]\n", "utf-8")
    constraints = root / module.CONSTRAINTS
    constraints.parent.mkdir()
    constraints.write_text("torch==1\n", "utf-8")
    monkeypatch.setattr(module, "ROOT", root)
    monkeypatch.setattr(module, "VENV", root / ".venv")
    monkeypatch.setattr(module, "STAMP", root / ".venv" / "stamp")
    return module


def made_environment(bootstrap: ModuleType) -> None:
    """Put the running Python where that of the virtual environment would be."""
    python = bootstrap._script("python")
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)


def test_an_old_python_is_refused_with_the_required_version(bootstrap: ModuleType) -> None:
    with pytest.raises(bootstrap.Missing, match=r"Python 3\.11 or newer is needed.*3\.9\.2"):
        bootstrap.check_python((3, 9, 2))


def test_the_file_can_be_read_by_an_old_python() -> None:
    ast.parse(SOURCE.read_text("utf-8"), feature_version=(3, 8))


def test_only_the_standard_library_is_imported() -> None:
    script = (
        "import runpy, sys; before = set(sys.modules); "
        f"runpy.run_path({str(SOURCE)!r}); "
        "new = {name.split('.')[0] for name in set(sys.modules) - before}; "
        "print(sorted(new - set(sys.stdlib_module_names)))"
    )
    run = subprocess.run(
        [sys.executable, "-I", "-c", script], capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "[]"


def test_too_little_disk_space_is_reported_with_sizes(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=3_000_000_000)
    monkeypatch.setattr(bootstrap.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(bootstrap.Missing, match=r"10 GB.*3\.0 GB are free"):
        bootstrap.check_disk(tmp_path)
    bootstrap.check_disk(tmp_path, 1)


@pytest.mark.parametrize(
    ("output", "library", "package"),
    [
        (
            "ImportError: libEGL.so.1: cannot open shared object file: No such file",
            "libEGL.so.1",
            "libegl1",
        ),
        ("\tlibxcb-cursor.so.0 => not found\n", "libxcb-cursor.so.0", "libxcb-cursor0"),
    ],
)
def test_a_missing_library_is_named_with_its_package(
    bootstrap: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    output: str,
    library: str,
    package: str,
) -> None:
    monkeypatch.setattr(bootstrap.shutil, "which", lambda tool: tool if tool == "apt-get" else None)
    assert bootstrap.missing_libraries(output) == [library]
    sentence = bootstrap.library_sentence([library])
    assert library in sentence
    assert f"apt-get install {package}" in sentence


def test_libraries_that_are_there_are_not_named(bootstrap: ModuleType) -> None:
    output = "\tlibEGL.so.1 => /usr/lib/libEGL.so.1 (0x1)\n\tlinux-vdso.so.1 (0x2)\n"
    assert bootstrap.missing_libraries(output) == []


def test_an_unknown_library_is_still_named(bootstrap: ModuleType) -> None:
    assert "libfox.so.9" in bootstrap.library_sentence(["libfox.so.9"])


@pytest.mark.parametrize(
    ("output", "word"),
    [
        ("connection broken by 'NewConnectionError(...)'\nERROR: No matching", "network"),
        ("OSError: [Errno 28] No space left on device", "disk is full"),
        ("ERROR: No matching distribution found for torch>=2.8", "no package torch"),
        ("/x/.venv/bin/python: No module named pip", "delete the folder .venv"),
        ("ERROR: something else", "something else"),
    ],
)
def test_an_error_of_pip_becomes_a_sentence(bootstrap: ModuleType, output: str, word: str) -> None:
    assert word in bootstrap.pip_sentence(output)


def test_setup_is_skipped_when_nothing_changed(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed: list[int] = []
    monkeypatch.setattr(bootstrap, "_install", lambda: installed.append(1))
    monkeypatch.setattr(bootstrap, "check_disk", lambda *_: None)
    made_environment(bootstrap)
    bootstrap.set_up()
    bootstrap.set_up()
    assert len(installed) == 1
    (bootstrap.ROOT / "pyproject.toml").write_text("[project]\nname = 'x'\n", "utf-8")
    bootstrap.set_up()
    assert len(installed) == 2
    (bootstrap.ROOT / bootstrap.CONSTRAINTS).write_text("torch==2\n", "utf-8")
    bootstrap.set_up()
    assert len(installed) == 3


def constrained_versions() -> dict[str, str]:
    """The version of each package of the constraints file, by its canonical name."""
    lines = CONSTRAINTS.read_text("utf-8").splitlines()
    pins = [line.split("==") for line in lines if not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in pins}


def test_every_dependency_has_a_version_that_pyproject_allows() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    direct = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    versions = constrained_versions()
    for requirement in map(Requirement, direct):
        assert versions[canonicalize_name(requirement.name)] in requirement.specifier


def test_the_constraints_hold_on_every_machine() -> None:
    lines = [x for x in CONSTRAINTS.read_text("utf-8").splitlines() if not x.startswith("#")]
    assert [line for line in lines if not re.fullmatch(r"[\w.-]+==[\w.]+", line)] == []
    assert len(constrained_versions()) == len(lines)
    of_one_platform = re.compile(r"(cuda|nvidia)-|triton")
    assert [name for name in constrained_versions() if of_one_platform.match(name)] == []


def test_pre_commit_runs_the_same_checks(bootstrap: ModuleType) -> None:
    hooks = (ROOT / ".pre-commit-config.yaml").read_text("utf-8")
    entries = re.findall(r"entry: \.venv/bin/(.+)", hooks)
    assert entries == [" ".join(check) for check in bootstrap.CHECKS]
    assert re.findall(r"repo: (.+)", hooks) == ["local"]


def test_every_test_file_is_in_one_run(bootstrap: ModuleType) -> None:
    tests = ROOT / "tests"
    run: list[Path] = []
    for pattern in (pattern for patterns in bootstrap.TESTS for pattern in patterns):
        for path in tests.glob(pattern):
            run += path.rglob("test_*.py") if path.is_dir() else [path]
    assert sorted(run) == sorted(tests.rglob("test_*.py"))


def test_all_steps_run_and_what_they_said_is_told_with_the_first_failure(
    bootstrap: ModuleType, capfd: pytest.CaptureFixture[str]
) -> None:
    def step(name: str, code: str) -> object:
        return bootstrap.Step(name, (sys.executable, "-c", code))

    steps = [
        step("good", "print('狐 good')"),
        step("bad", "print('bad'); raise SystemExit(3)"),
        step("worse", "import os; os.write(2, b'\\xff worse'); raise SystemExit(4)"),
    ]
    assert bootstrap.run_side_by_side(steps[:1]) == 0
    assert bootstrap.run_side_by_side(steps) == 3
    said, complaints = capfd.readouterr()
    assert said.count("狐 good") == 2 and "\nbad\n" in said and " worse" in said
    assert complaints.splitlines() == [
        "FAILED with status 3: bad",
        "FAILED with status 4: worse",
    ]


def test_a_failed_installation_is_retried(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise bootstrap.Missing("no network")

    monkeypatch.setattr(bootstrap, "_install", fail)
    monkeypatch.setattr(bootstrap, "check_disk", lambda *_: None)
    made_environment(bootstrap)
    with pytest.raises(bootstrap.Missing):
        bootstrap.set_up()
    assert not bootstrap.STAMP.exists()


@pytest.mark.parametrize("platform", ["offscreen", "minimal"])
def test_a_platform_without_a_screen_counts_as_no_display(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, platform: str
) -> None:
    monkeypatch.setenv("QT_QPA_PLATFORM", platform)
    assert not bootstrap.has_display()


def test_an_unknown_command_is_refused(
    bootstrap: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bootstrap.main(["dance"]) == 2
    assert "demo" in capsys.readouterr().out


def test_a_missing_requirement_is_one_sentence_and_status_one(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing() -> None:
        raise bootstrap.Missing("Get a newer one.")

    monkeypatch.setattr(bootstrap, "check_python", missing)
    assert bootstrap.main(["run"]) == 1
    assert capsys.readouterr().err.strip() == "Get a newer one."
