"""Light and dark, the few colours with a meaning, and sentences in the user's language.

The platform's own style is kept where it has one. Where Qt falls back on Fusion (most Linux
desktops), one light and one dark palette are given, since Fusion has no dark of its own there.
"""

from __future__ import annotations

from typing import Literal

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtGui import QColor, QFont, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication, QWidget

from studio.protocol import Sentence

GRID = 8
"""Distances are multiples of this many (device-independent) pixels."""

Scheme = Literal["system", "light", "dark"]
Kind = Literal["info", "success", "warning", "error"]

_SCHEMES = {
    "system": Qt.ColorScheme.Unknown,
    "light": Qt.ColorScheme.Light,
    "dark": Qt.ColorScheme.Dark,
}

_PALETTES: dict[bool, dict[str, str]] = {
    False: {
        "Window": "#f4f5f7",
        "WindowText": "#1b1e23",
        "Base": "#ffffff",
        "AlternateBase": "#eef0f3",
        "Text": "#1b1e23",
        "Button": "#f9fafb",
        "ButtonText": "#1b1e23",
        "BrightText": "#b3261e",
        "PlaceholderText": "#666d78",
        "ToolTipBase": "#ffffff",
        "ToolTipText": "#1b1e23",
        "Highlight": "#2f5fd0",
        "HighlightedText": "#ffffff",
        "Accent": "#2f5fd0",
        "Link": "#2453bd",
        "LinkVisited": "#6b3fb5",
        "Light": "#ffffff",
        "Midlight": "#eceef1",
        "Mid": "#c3c8d0",
        "Dark": "#a4abb6",
        "Shadow": "#7c838e",
    },
    True: {
        "Window": "#1f2125",
        "WindowText": "#e7e9ec",
        "Base": "#17181b",
        "AlternateBase": "#24262b",
        "Text": "#e7e9ec",
        "Button": "#2c2f35",
        "ButtonText": "#e7e9ec",
        "BrightText": "#ff8a80",
        "PlaceholderText": "#9aa1ac",
        "ToolTipBase": "#2c2f35",
        "ToolTipText": "#e7e9ec",
        "Highlight": "#3565d8",
        "HighlightedText": "#ffffff",
        "Accent": "#3565d8",
        "Link": "#8fb2ff",
        "LinkVisited": "#c3a6ff",
        "Light": "#3a3e46",
        "Midlight": "#33363d",
        "Mid": "#45494f",
        "Dark": "#141518",
        "Shadow": "#0b0c0d",
    },
}
_DISABLED = {False: "#9299a4", True: "#727883"}
_BOX = "#adb7c6"
"""What Fusion darkens by 1.4 for the edge of a check box: 3:1 against either window."""

_KINDS: dict[bool, dict[Kind, str]] = {
    False: {"info": "#2453bd", "success": "#1a6b36", "warning": "#8a5300", "error": "#b3261e"},
    True: {"info": "#8fb2ff", "success": "#7fd39a", "warning": "#f1c06d", "error": "#ff9c92"},
}


def apply_scheme(app: QApplication, choice: Scheme) -> None:
    """Show the app in light or dark, or as the system has it, and follow the system's changes."""
    hints = QGuiApplication.styleHints()
    hints.setColorScheme(_SCHEMES[choice])
    if app.style().objectName().lower() != "fusion":
        return
    wanted = hints.colorScheme()
    if choice != "system":
        wanted = _SCHEMES[choice]
    dark = wanted == Qt.ColorScheme.Dark
    palette = _fusion_palette(dark)
    app.setPalette(palette)
    # The edge is made from the colour of the window, which a dark one swallows.
    palette.setColor(QPalette.ColorRole.Window, QColor(_BOX))
    for kind in ("QCheckBox", "QRadioButton"):
        app.setPalette(palette, kind)  # type: ignore[arg-type]  # the stubs say bytes, it is text


def _fusion_palette(dark: bool) -> QPalette:
    palette = QPalette()
    for name, colour in _PALETTES[dark].items():
        palette.setColor(QPalette.ColorRole[name], QColor(colour))
    faded = QColor(_DISABLED[dark])
    for role in (
        QPalette.ColorRole.WindowText,
        QPalette.ColorRole.Text,
        QPalette.ColorRole.ButtonText,
        QPalette.ColorRole.HighlightedText,
        QPalette.ColorRole.PlaceholderText,
    ):
        palette.setColor(QPalette.ColorGroup.Disabled, role, faded)
    for role in (QPalette.ColorRole.Highlight, QPalette.ColorRole.Accent):
        palette.setColor(QPalette.ColorGroup.Disabled, role, QColor(_PALETTES[dark]["Midlight"]))
    return palette


def is_dark(palette: QPalette) -> bool:
    """Return whether a palette has light text on a dark ground."""
    return (
        palette.color(QPalette.ColorRole.WindowText).lightness()
        > palette.color(QPalette.ColorRole.Window).lightness()
    )


def kind_colour(kind: Kind, palette: QPalette) -> QColor:
    """Return the colour of a message's kind; it contrasts with the palette's window (WCAG AA)."""
    return QColor(_KINDS[is_dark(palette)][kind])


def blend(over: QColor, under: QColor, share: float) -> QColor:
    """Return `share` (0 to 1) of one colour over another."""
    return QColor.fromRgbF(
        over.redF() * share + under.redF() * (1 - share),
        over.greenF() * share + under.greenF() * (1 - share),
        over.blueF() * share + under.blueF() * (1 - share),
    )


def mute(widget: QWidget) -> None:
    """Give a label the quieter text colour, which follows light and dark."""
    widget.setForegroundRole(QPalette.ColorRole.PlaceholderText)


def emphasise(widget: QWidget) -> None:
    """Give a widget the one heavier weight."""
    font = widget.font()
    font.setWeight(QFont.Weight.DemiBold)
    widget.setFont(font)


def enlarge(widget: QWidget) -> None:
    """Give a widget the larger of the two text sizes, in the heavier weight."""
    font = widget.font()
    if font.pointSizeF() > 0:
        font.setPointSizeF(font.pointSizeF() * 1.35)
    font.setWeight(QFont.Weight.DemiBold)
    widget.setFont(font)


def say(message: Sentence) -> str:
    """Return a sentence in the user's language, with its values filled in."""
    template = QCoreApplication.translate("", message.template)
    return template.format_map(message.values) if message.values else template
