"""Set up Prompt Studio in this folder, and run it: `python packaging/bootstrap.py COMMAND`.

    setup        the virtual environment, the dependencies and the starter models
    run          setup, then the window; where there is no display, the demonstration
    demo         setup, then the demonstration
    test         setup, then every check and test
    fuzz         setup, then odd files for every reader (--minutes 20)
    crash        setup, then every writing operation killed at each of its steps
    bench        setup, then the benchmarks
    screenshots  setup, then the screenshots of the README

Only Python 3.11 or newer with pip is needed, on Linux, macOS or Windows; nothing outside the
standard library is imported. Finished steps are skipped: a stamp in `.venv` records the hash of
`pyproject.toml` and of `packaging/constraints.txt`. A missing requirement is reported in one
sentence that says how to get it.

The versions installed are those of `packaging/constraints.txt`, with which every check passed. For
the newest ones that `pyproject.toml` allows, call `pip install -e .` in an environment of your own.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMP = VENV / "prompt-studio.stamp"
CONSTRAINTS = "packaging/constraints.txt"
OLDEST = (3, 11)
DISK_GB = 10
"""For PyTorch with its CUDA libraries, Qt, temporary files of pip, and the models."""

COMMANDS = ("setup", "run", "demo", "test", "fuzz", "crash", "bench", "screenshots")

LIBRARIES = {
    # file: (Debian and Ubuntu, Fedora, Arch)
    "libEGL.so.1": ("libegl1", "libglvnd-egl", "libglvnd"),
    "libGL.so.1": ("libgl1", "libglvnd-glx", "libglvnd"),
    "libOpenGL.so.0": ("libopengl0", "libglvnd-opengl", "libglvnd"),
    "libX11.so.6": ("libx11-6", "libX11", "libx11"),
    "libX11-xcb.so.1": ("libx11-xcb1", "libX11-xcb", "libx11"),
    "libSM.so.6": ("libsm6", "libSM", "libsm"),
    "libICE.so.6": ("libice6", "libICE", "libice"),
    "libdbus-1.so.3": ("libdbus-1-3", "dbus-libs", "dbus"),
    "libfontconfig.so.1": ("libfontconfig1", "fontconfig", "fontconfig"),
    "libfreetype.so.6": ("libfreetype6", "freetype", "freetype2"),
    "libglib-2.0.so.0": ("libglib2.0-0", "glib2", "glib2"),
    "libgthread-2.0.so.0": ("libglib2.0-0", "glib2", "glib2"),
    "libxkbcommon.so.0": ("libxkbcommon0", "libxkbcommon", "libxkbcommon"),
    "libxkbcommon-x11.so.0": ("libxkbcommon-x11-0", "libxkbcommon-x11", "libxkbcommon-x11"),
    "libxcb.so.1": ("libxcb1", "libxcb", "libxcb"),
    "libxcb-cursor.so.0": ("libxcb-cursor0", "xcb-util-cursor", "xcb-util-cursor"),
    "libxcb-icccm.so.4": ("libxcb-icccm4", "xcb-util-wm", "xcb-util-wm"),
    "libxcb-image.so.0": ("libxcb-image0", "xcb-util-image", "xcb-util-image"),
    "libxcb-keysyms.so.1": ("libxcb-keysyms1", "xcb-util-keysyms", "xcb-util-keysyms"),
    "libxcb-randr.so.0": ("libxcb-randr0", "libxcb", "libxcb"),
    "libxcb-render.so.0": ("libxcb-render0", "libxcb", "libxcb"),
    "libxcb-render-util.so.0": (
        "libxcb-render-util0",
        "xcb-util-renderutil",
        "xcb-util-renderutil",
    ),
    "libxcb-shape.so.0": ("libxcb-shape0", "libxcb", "libxcb"),
    "libxcb-shm.so.0": ("libxcb-shm0", "libxcb", "libxcb"),
    "libxcb-sync.so.1": ("libxcb-sync1", "libxcb", "libxcb"),
    "libxcb-xfixes.so.0": ("libxcb-xfixes0", "libxcb", "libxcb"),
    "libxcb-xkb.so.1": ("libxcb-xkb1", "libxcb", "libxcb"),
    "libwayland-client.so.0": ("libwayland-client0", "libwayland-client", "wayland"),
    "libwayland-cursor.so.0": ("libwayland-cursor0", "libwayland-cursor", "wayland"),
    "libwayland-egl.so.1": ("libwayland-egl1", "libwayland-egl", "wayland"),
}

NO_NETWORK = re.compile(
    r"connection broken|NewConnectionError|ConnectTimeout|ReadTimeout|ProxyError|SSLError"
    r"|Name or service not known|Temporary failure in name resolution|getaddrinfo failed"
    r"|Network is unreachable|Max retries exceeded"
)

CHECKS = (
    ("ruff", "check", "."),
    ("ruff", "format", "--check", "."),
    ("mypy",),
    ("lint-imports",),
)

TESTS = (
    # What takes longest comes first, so that nothing long is left at the end.
    ("e2e/test_[a-k]*.py",),
    ("engine/image",),
    ("e2e/test_[l-z]*.py",),
    ("ui",),
    ("engine/text", "engine/upscale"),
    ("engine/test_*.py",),
    ("unit", "hub"),
    ("fuzz", "crash"),
)
"""What the test runs that go side by side have below `tests`."""

MOST_SIDE_BY_SIDE = 4
"""Test runs: each needs up to two gigabytes of memory."""


class Missing(Exception):
    """A requirement is missing. The text is the sentence for the user."""


def main(arguments: list[str]) -> int:
    """Run the command named by the first argument (default: `run`); return the exit status."""
    command = arguments[0] if arguments else "run"
    if command not in COMMANDS:
        print(__doc__)
        return 0 if command in ("-h", "--help", "help") else 2
    for stream in (sys.stdout, sys.stderr):
        # A path may contain characters that the console cannot show.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    newer = newer_python() if sys.version_info[:2] < OLDEST else None
    if newer is not None:
        return _call([newer, str(Path(__file__).resolve()), *arguments])
    try:
        check_python()
        set_up()
        return _run(command, arguments[1:])
    except Missing as missing:
        print(f"\n{missing}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. Run the same command again to resume.", file=sys.stderr)
        return 130


def _run(command: str, more: list[str]) -> int:
    if command == "run":
        if not has_display():
            print("No display was found, so the demonstration runs instead of the window.")
            command = "demo"
        else:
            check_qt(on_screen=True)
            # Without models the window still opens and says how to get them.
            install_starter_models(required=False)
            return _call([str(_script("studio")), *more])
    if command in ("setup", "bench", "screenshots", "test"):
        check_qt(on_screen=False)
    install_starter_models(required=command in ("demo", "test", "bench"))
    if command == "demo":
        return _python("packaging/demo.py", *more)
    if command in ("fuzz", "crash"):
        return _python("-m", f"tests.{command}.run", *more)
    if command == "bench":
        return _python("-m", "tests.benchmarks.run", *more)
    if command == "screenshots":
        return _screenshots(more)
    if command == "test":
        return run_tests(more)
    print(f"Prompt Studio is set up. Start it with: {_script('studio')}")
    return 0


def _screenshots(more: list[str]) -> int:
    status = _python("packaging/screenshots.py", *more, environment=_offscreen())
    for language in ("en", "zh_CN"):
        # A process for each: a window is in one language from its start.
        failed = _python("packaging/first_time.py", language, environment=_offscreen())
        status = status or failed
    return status


class Step(NamedTuple):
    """A check or a test run."""

    name: str
    command: tuple[str, ...]


def run_tests(more: list[str]) -> int:
    """Run the checks and the tests, or the checks and then pytest with arguments of the user.

    Returns the exit status of the first that failed.
    """
    checks = [Step(" ".join(check), (str(_script(check[0])), *check[1:])) for check in CHECKS]
    pytest = (str(_script("python")), "-m", "pytest")
    if more:
        status = run_side_by_side(checks)
        return status or _call([*pytest, *more], _offscreen())
    runs = []
    for tests in TESTS:
        found = [str(path) for name in tests for path in sorted((ROOT / "tests").glob(name))]
        runs.append(Step(f"pytest {' '.join(tests)}", (*pytest, *found)))
    return run_side_by_side([*checks, *runs])


def run_side_by_side(steps: list[Step]) -> int:
    """Run as many steps at a time as there are cores; print what each said when it has ended.

    All run to their end, whatever fails. Returns the exit status of the first that failed.
    """
    began = time.monotonic()
    failed = []
    with ThreadPoolExecutor(max(1, min(os.cpu_count() or 1, MOST_SIDE_BY_SIDE))) as pool:
        running = {pool.submit(_output_of, step): step for step in steps}
        try:
            for ended in as_completed(running):
                status, seconds, output = ended.result()
                step = running[ended]
                print(f"\n== {step.name} ({seconds:.0f} s)\n{output.rstrip()}", flush=True)
                if status:
                    failed.append((steps.index(step), status, step.name))
        except KeyboardInterrupt:
            # Those that run hear of it too, and end.
            pool.shutdown(cancel_futures=True)
            raise
    print(f"\n{len(steps)} checks and test runs took {time.monotonic() - began:.0f} s.")
    for _, status, name in sorted(failed):
        print(f"FAILED with status {status}: {name}", file=sys.stderr)
    return min(failed)[1] if failed else 0


def _output_of(step: Step) -> tuple[int, float, str]:
    began = time.monotonic()
    ran = subprocess.run(
        step.command,
        cwd=ROOT,
        env={**os.environ, **_offscreen()},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    return ran.returncode, time.monotonic() - began, ran.stdout


# ---- requirements


def check_python(version: tuple[int, ...] = tuple(sys.version_info[:3])) -> None:
    """Raise `Missing` where Python is too old, or lacks venv or pip."""
    if version[:2] < OLDEST:
        raise Missing(
            f"Python {'.'.join(map(str, OLDEST))} or newer is needed, and this is "
            f"{'.'.join(map(str, version))}: get it from your package manager or "
            "https://www.python.org/downloads/, then call: python3.11 packaging/bootstrap.py"
        )
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        name = f"python{version[0]}.{version[1]}-venv"
        raise Missing(
            "This Python has no module venv: install it "
            f"(Debian, Ubuntu: sudo apt install {name}), then start again."
        ) from None
    if sys.maxsize < 2**32:
        raise Missing(
            "This is a 32-bit Python, for which there is no PyTorch: install a 64-bit Python "
            "from https://www.python.org/downloads/, then start again."
        )


def newer_python() -> str | None:
    """Return a Python on the path that is new enough, or None."""
    for minor in (13, 12, 11, 14):
        found = shutil.which(f"python3.{minor}")
        if found and subprocess.run([found, "-c", "import ensurepip"], check=False).returncode == 0:
            return found
    return None


def check_disk(folder: Path, needed_gb: float = DISK_GB) -> None:
    """Raise `Missing` where too little disk space is free in `folder`."""
    free = shutil.disk_usage(folder).free / 1e9
    if free < needed_gb:
        raise Missing(
            f"About {needed_gb:g} GB of disk space are needed in {folder}, and {free:.1f} GB are "
            "free: make room, then start again."
        )


def has_display() -> bool:
    """Return whether a window can be opened."""
    forced = os.environ.get("QT_QPA_PLATFORM", "")
    if forced:
        return forced not in ("offscreen", "minimal")
    if sys.platform in ("win32", "darwin"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def check_qt(*, on_screen: bool) -> None:
    """Raise `Missing` where Qt lacks a system library; with `on_screen` also for X11 or Wayland."""
    if not sys.platform.startswith("linux"):
        return
    script = "import PySide6, PySide6.QtWidgets, PySide6.QtGui; print(PySide6.__file__)"
    tried = subprocess.run(
        [str(_script("python")), "-c", script], capture_output=True, text=True, check=False
    )
    if tried.returncode == 0 and not on_screen:
        return
    found = subprocess.run(
        [str(_script("python")), "-c", "import PySide6; print(PySide6.__path__[0])"],
        capture_output=True,
        text=True,
        check=False,
    )
    folder = Path(found.stdout.strip())
    output = [tried.stderr]
    if found.returncode == 0 and shutil.which("ldd"):
        output += [_ldd(file) for file in _qt_files(folder, on_screen=on_screen)]
    missing = missing_libraries("\n".join(output))
    if missing:
        raise Missing(library_sentence(missing))
    if tried.returncode:
        last = (tried.stderr.strip().splitlines() or ["no message"])[-1]
        raise Missing(f"Qt cannot be loaded ({last}): delete the folder .venv, then start again.")


def _qt_files(folder: Path, *, on_screen: bool) -> list[Path]:
    files = [folder / "QtWidgets.abi3.so", folder / "QtGui.abi3.so"]
    if on_screen:
        platforms = folder / "Qt" / "plugins" / "platforms"
        wayland = bool(os.environ.get("WAYLAND_DISPLAY"))
        files += platforms.glob("libqwayland*.so" if wayland else "libqxcb.so")
    return [file for file in files if file.exists()]


def _ldd(file: Path) -> str:
    return subprocess.run(["ldd", str(file)], capture_output=True, text=True, check=False).stdout


def missing_libraries(text: str) -> list[str]:
    """Return the missing libraries named in the output of a loader or of ldd, sorted."""
    found = re.findall(r"^\s*(lib\S+) => not found", text, re.MULTILINE)
    found += re.findall(r"(lib[\w.+-]+\.so[.\d]*): cannot open shared object file", text)
    return sorted(set(found))


def library_sentence(libraries: list[str]) -> str:
    """Return the sentence that says which packages of this system to install."""
    column, install = _package_manager()
    packages = sorted({LIBRARIES[name][column] for name in libraries if name in LIBRARIES})
    named = ", ".join(libraries)
    if not packages:
        return (
            f"Qt needs system libraries that are missing ({named}): install them with your "
            "package manager, then start again."
        )
    return (
        f"Qt needs system libraries that are missing ({named}): install them with "
        f"`{install} {' '.join(packages)}`, then start again."
    )


def _package_manager() -> tuple[int, str]:
    for column, tool, install in (
        (0, "apt-get", "apt-get install"),
        (1, "dnf", "dnf install"),
        (2, "pacman", "pacman -S"),
    ):
        if shutil.which(tool):
            is_root = hasattr(os, "geteuid") and os.geteuid() == 0
            return column, install if is_root else f"sudo {install}"
    return 0, "sudo apt-get install"


# ---- setting up


def set_up() -> None:
    """Create the virtual environment and install the project, unless both are up to date."""
    stamp = expected_stamp()
    if STAMP.is_file() and STAMP.read_text("utf-8") == stamp and _works(_script("python")):
        return
    check_disk(ROOT, DISK_GB if not STAMP.exists() else 1)
    if not _works(_script("python")):
        print("Creating the virtual environment in .venv", flush=True)
        if VENV.exists():
            shutil.rmtree(VENV)
        made = subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=False)
        if made.returncode:
            raise Missing(
                "The virtual environment could not be created: install Python's venv module "
                f"(Debian, Ubuntu: sudo apt install python3-venv), and check that {ROOT} may be "
                "written to."
            )
    _install()
    STAMP.write_text(stamp, "utf-8")


def expected_stamp() -> str:
    """Return the content of the stamp for the current files of this project."""
    wanted = (ROOT / "pyproject.toml").read_bytes() + (ROOT / CONSTRAINTS).read_bytes()
    return f"{hashlib.sha256(wanted).hexdigest()} {ROOT}\n"


def _install() -> None:
    print("Installing the dependencies; this takes some minutes the first time", flush=True)
    command = [str(_script("python")), "-m", "pip", "install", "--disable-pip-version-check"]
    command += ["--no-input", "--progress-bar", "off", "-c", CONSTRAINTS, "-e", ".[dev]"]
    child = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    output: list[str] = []
    assert child.stdout is not None
    try:
        for line in child.stdout:
            output.append(line)
            large = re.search(r"Downloading .*\((\d{3,}\.\d MB|[\d.]+ GB)\)", line)
            if large or line.startswith(("Collecting", "Installing collected", "ERROR")):
                print(f"  {line.split(' (from ')[0].strip()[:110]}", flush=True)
    except BaseException:
        child.terminate()
        raise
    finally:
        child.wait()
    if child.returncode:
        raise Missing(pip_sentence("".join(output)))


def pip_sentence(output: str) -> str:
    """Return why pip failed and what to do, from its output."""
    if "No module named pip" in output:
        return "pip is missing from .venv: delete the folder .venv, then start again."
    if "No space left on device" in output or "Errno 28" in output:
        return (
            f"The disk is full: about {DISK_GB} GB are needed in all. Make room, then start again."
        )
    if NO_NETWORK.search(output):
        return (
            "The network cannot be reached, and the first start needs it: connect, or check "
            "pip's proxy and server (pip config list), then start again."
        )
    match = re.search(r"No matching distribution found for ([\w.-]+)", output)
    if match:
        version = ".".join(map(str, sys.version_info[:2]))
        return (
            f"There is no package {match[1]} for Python {version} on this machine: try another "
            "version (3.11 to 3.13 are best supported), or check pip's server (pip config list). "
            f"For other versions than those of {CONSTRAINTS}, see --help."
        )
    last = (output.strip().splitlines() or ["no message"])[-1]
    return f"Installing the dependencies failed ({last.strip()}): see above, then start again."


NEEDED_TASKS = ("text", "upscale")
"""Those whose starter models the tests need. The others are tested where they are installed."""


def install_starter_models(*, required: bool) -> None:
    """Install missing starter models. If that fails, raise `Missing` where they are `required`."""
    if required:
        _install_starter_models(NEEDED_TASKS, required=True)
    _install_starter_models((), required=False)


def _install_starter_models(tasks: tuple[str, ...], *, required: bool) -> None:
    command = [str(_script("python")), "-m", "studio", "models", "starter", *tasks]
    child = subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
    )
    last = "no message"
    assert child.stderr is not None
    for line in child.stderr:
        last = line.strip() or last
        if not last.startswith("studio models"):
            print(f"  {last}", flush=True)
    if child.wait() == 0:
        return
    output = last.partition("studio models starter: ")[2] or last
    if required:
        raise Missing(f"The starter models are missing. {output}")
    print(f"The starter models are missing. {output}", file=sys.stderr)


# ---- running


def _script(name: str) -> Path:
    if os.name == "nt":
        return VENV / "Scripts" / f"{name}.exe"
    return VENV / "bin" / name


def _works(python: Path) -> bool:
    if not python.exists():
        return False
    check = "import sys, pip; raise SystemExit(sys.version_info < (3, 11))"
    try:
        return subprocess.run([str(python), "-c", check], check=False).returncode == 0
    except OSError:
        return False


def _offscreen() -> dict[str, str]:
    return {"QT_QPA_PLATFORM": "offscreen"}


def _python(*arguments: str, environment: dict[str, str] | None = None) -> int:
    return _call([str(_script("python")), *arguments], environment)


def _call(command: list[str], environment: dict[str, str] | None = None) -> int:
    return subprocess.run(
        command, cwd=ROOT, env={**os.environ, **(environment or {})}, check=False
    ).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
