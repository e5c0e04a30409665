"""Which libraries a part of the app imports, checked in a clean interpreter."""

from __future__ import annotations

import subprocess
import sys

HEAVY = ("torch", "transformers", "diffusers", "accelerate", "spandrel")


MODULES = (
    "studio.cli.generate",
    "studio.cli.models",
    "studio.cli.doctor",
    "studio.cli.serve",
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
)


def loaded_by(*modules: str) -> dict[str, set[str]]:
    """Import modules one after another; return what each brought into `sys.modules`."""
    code = (
        "import sys\n"
        f"for module in {modules}:\n"
        "    before = set(sys.modules)\n"
        "    __import__(module)\n"
        "    print(module, *set(sys.modules) - before)\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    lines = (line.split() for line in ran.stdout.splitlines())
    return {module: set(names) for module, *names in lines}


def packages(names: set[str]) -> set[str]:
    return {name.partition(".")[0] for name in names}


def test_the_windows_thread_does_not_import_jinja2() -> None:
    """It takes 75 ms: only the processes that render chat templates need it."""
    parts = ("text_tab", "chat", "context_meter", "alternatives_menu")
    modules = [f"studio.ui.workspaces.text.{part}" for part in parts]
    found = loaded_by("studio.ui.main_window", *modules, "studio.models.token_counter")
    assert not {module for module, names in found.items() if "jinja2" in packages(names)}


def test_what_the_first_paint_needs_loads_neither_multiprocessing_nor_json() -> None:
    """Together they take a tenth of the time that the window adds to that of Qt."""
    kinds = [f"studio.kinds.{kind}" for kind in ("text", "image", "upscale", "speech", "video")]
    tab = "studio.ui.workspaces.text.text_tab"
    found = loaded_by("studio.__main__", "studio.ui.app", *kinds, tab)
    assert not packages(set().union(*found.values())) & {"multiprocessing", "json"}


def test_modules_of_the_app_import_neither_torch_nor_qt() -> None:
    found = {
        module: packages(names) & {*HEAVY, "PySide6"}
        for module, names in loaded_by(*MODULES).items()
    }
    assert not any(found.values()), found


def test_the_window_imports_neither_torch_nor_its_libraries() -> None:
    found = loaded_by(
        "studio.ui.app",
        "studio.jobs.runner",
        "studio.ui.gallery.history_view",
        "studio.ui.workspaces.text.text_tab",
        "studio.ui.workspaces.image.image_tab",
        "studio.ui.workspaces.upscale.upscale_tab",
    )
    assert "PySide6.QtWidgets" in found["studio.ui.app"]
    assert not packages(set().union(*found.values())) & set(HEAVY)


def test_jobs_import_only_the_interface_of_engines() -> None:
    names = loaded_by("studio.jobs.runner")["studio.jobs.runner"]
    engines = {name for name in names if name.startswith("studio.engine")}
    assert engines == {"studio.engine", "studio.engine.api"}


def test_the_window_starts_without_the_modules_of_the_commands() -> None:
    loaded = loaded_by("studio.cli.main")["studio.cli.main"]
    assert not loaded & {"msgspec", "studio.kinds", "studio.jobs", "studio.cli.request_options"}


def test_the_engine_imports_neither_qt_nor_the_library() -> None:
    tasks = [f"studio.engine.tasks.{task}.run" for task in ("text", "image", "upscale")]
    for module, names in loaded_by(*tasks).items():
        ours = {name.split(".")[1] for name in names if name.startswith("studio.")}
        assert ours <= {"engine", "protocol", "formats", "kinds"}, module
        assert "PySide6" not in packages(names), module
