"""Chinese input with fcitx, whose plugin for Qt PySide6 does not bring."""

from __future__ import annotations

from collections.abc import MutableMapping


def reach_fcitx(environment: MutableMapping[str, str], platform: str) -> None:
    """Let Qt reach fcitx through IBus, unless the user has chosen something else.

    PySide6 brings the plugin for IBus, which fcitx 5 answers too. Must be called before the
    application is made. A plugin of fcitx that somebody added to PySide6 still comes first.
    """
    if not platform.startswith("linux") or environment.get("QT_IM_MODULES"):
        return
    chosen = environment.get("QT_IM_MODULE", "")
    if chosen.startswith("fcitx"):
        environment["QT_IM_MODULES"] = f"{chosen};ibus"
    elif not chosen and "fcitx" in environment.get("XMODIFIERS", "") and _is_x11(environment):
        environment["QT_IM_MODULES"] = "ibus"


def _is_x11(environment: MutableMapping[str, str]) -> bool:
    # On Wayland the compositor passes on what the input method writes, without any plugin.
    return not environment.get("WAYLAND_DISPLAY")
