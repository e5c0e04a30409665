"""Chinese can be typed with fcitx, although PySide6 brings only the plugin for IBus."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from studio.ui.shell.input_method import reach_fcitx


@pytest.mark.parametrize(
    ("environment", "modules"),
    [
        ({"QT_IM_MODULE": "fcitx"}, "fcitx;ibus"),
        ({"QT_IM_MODULE": "fcitx5", "WAYLAND_DISPLAY": "wayland-0"}, "fcitx5;ibus"),
        ({"XMODIFIERS": "@im=fcitx", "DISPLAY": ":0"}, "ibus"),
        ({"XMODIFIERS": "@im=fcitx", "WAYLAND_DISPLAY": "wayland-0"}, None),
        ({"QT_IM_MODULE": "fcitx", "QT_IM_MODULES": "wayland"}, "wayland"),
        ({"QT_IM_MODULE": "ibus", "XMODIFIERS": "@im=fcitx"}, None),
        ({}, None),
    ],
)
def test_ibus_is_tried_where_fcitx_is_wanted(
    environment: dict[str, str], modules: str | None
) -> None:
    reach_fcitx(environment, "linux")
    assert environment.get("QT_IM_MODULES") == modules


def test_other_platforms_have_no_such_modules() -> None:
    environment = {"QT_IM_MODULE": "fcitx"}
    reach_fcitx(environment, "win32")
    assert environment == {"QT_IM_MODULE": "fcitx"}


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="fcitx is for Linux")
def test_qt_loads_its_plugin_for_ibus_after_it_found_none_for_fcitx() -> None:
    script = (
        "import os, sys; from pathlib import Path\n"
        "from studio.ui.shell.input_method import reach_fcitx\n"
        "reach_fcitx(os.environ, sys.platform)\n"
        "from PySide6.QtWidgets import QApplication; app = QApplication([])\n"
        "print('ibusplatforminputcontext' in Path('/proc/self/maps').read_text())"
    )
    kept = {name: value for name, value in os.environ.items() if name != "QT_IM_MODULES"}
    environment = kept | {"QT_IM_MODULE": "fcitx", "QT_QPA_PLATFORM": "offscreen"}
    ran = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == "True"
