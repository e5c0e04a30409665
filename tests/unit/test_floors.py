"""Which libraries a part of the app imports, checked in a clean interpreter."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("torch", "transformers", "diffusers", "accelerate", "spandrel")


def loaded_by(statement: str) -> set[str]:
    code = f"import sys\n{statement}\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(ran.stdout.split())


@pytest.mark.parametrize(
    "module",
    [
        "studio.cli.generate",
        "studio.cli.models",
        "studio.cli.doctor",
        "studio.library.store",
        "studio.jobs.runner",
        "studio.models.registry",
        "studio.models.starter",
        "studio.downloads.download_queue",
        "studio.models.token_counter",
        "studio.engine.api",
        "studio.engine.factory",
        "studio.engine.local.client",
        "studio.engine.fake",
    ],
)
def test_modules_of_the_app_import_neither_torch_nor_qt(module: str) -> None:
    assert not loaded_by(f"import {module}") & {*HEAVY, "PySide6"}


def test_the_window_imports_neither_torch_nor_its_libraries() -> None:
    statement = (
        "import studio.ui.app, studio.jobs.runner, studio.ui.gallery.history_view,"
        "studio.ui.workspaces.text.text_tab, studio.ui.workspaces.image.image_tab,"
        "studio.ui.workspaces.upscale.upscale_tab"
    )
    assert not loaded_by(statement) & set(HEAVY)


def test_jobs_import_only_the_interface_of_engines() -> None:
    code = (
        "import sys, studio.jobs.runner\n"
        "print(*[name for name in sys.modules if name.startswith('studio.engine')])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(ran.stdout.split()) == {"studio.engine", "studio.engine.api"}


def test_the_window_starts_without_the_modules_of_the_commands() -> None:
    code = "import sys, studio.cli.main; print(*sys.modules)"
    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    loaded = set(process.stdout.split())
    assert not loaded & {"msgspec", "studio.kinds", "studio.jobs", "studio.cli.request_options"}


@pytest.mark.parametrize("task", ["text", "image", "upscale"])
def test_the_engine_imports_neither_qt_nor_the_library(task: str) -> None:
    ran = subprocess.run(
        [
            sys.executable,
            "-c",
            f"import sys, studio.engine.tasks.{task}.run\n"
            "print(*[n for n in sys.modules if n.startswith(('PySide6', 'studio.'))])",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    ours = {name.split(".")[1] for name in ran.stdout.split() if name.startswith("studio.")}
    assert ours <= {"engine", "protocol", "formats", "kinds"}
    assert "PySide6" not in ran.stdout
