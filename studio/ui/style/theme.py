"""Light and dark palettes, severity colours and text styles.

The platform's native style is kept where there is one. Where Qt falls back to Fusion (most Linux
desktops), the app sets its own light or dark palette, because Fusion has no dark one there.
"""

from __future__ import annotations

from typing import Literal

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QFont, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication, QWidget

GRID = 8
"""Grid unit in device-independent pixels; margins and spacings are multiples of it."""

Scheme = Literal["system", "light", "dark"]
Severity = Literal["info", "success", "warning", "error"]

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
"""Fusion darkens this by 1.4 for the outline of a check box: 3:1 contrast with both windows."""

_SEVERITY_COLOURS: dict[bool, dict[Severity, str]] = {
    False: {"info": "#2453bd", "success": "#1a6b36", "warning": "#8a5300", "error": "#b3261e"},
    True: {"info": "#8fb2ff", "success": "#7fd39a", "warning": "#f1c06d", "error": "#ff9c92"},
}


def apply_scheme(app: QApplication, choice: Scheme) -> None:
    """Apply a colour scheme; "system" follows the system, including later changes."""
    hints = QGuiApplication.styleHints()
    hints.setColorScheme(_SCHEMES[choice])
    if app.style().objectName().lower() != "fusion":
        return
    scheme = hints.colorScheme() if choice == "system" else _SCHEMES[choice]
    dark = scheme == Qt.ColorScheme.Dark
    palette = _fusion_palette(dark)
    app.setPalette(palette)
    # Fusion derives the outline from the window colour, which makes it invisible on a dark one.
    palette.setColor(QPalette.ColorRole.Window, QColor(_BOX))
    for widget_class in ("QCheckBox", "QRadioButton"):
        app.setPalette(palette, widget_class)  # type: ignore[arg-type]  # the stubs say bytes, it is text


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
    """Return whether a palette has light text on a dark background."""
    return (
        palette.color(QPalette.ColorRole.WindowText).lightness()
        > palette.color(QPalette.ColorRole.Window).lightness()
    )


def severity_colour(severity: Severity, palette: QPalette) -> QColor:
    """Return the text colour of a severity, with WCAG AA contrast against the palette's window."""
    return QColor(_SEVERITY_COLOURS[is_dark(palette)][severity])


def blend(over: QColor, under: QColor, share: float) -> QColor:
    """Mix two colours: `share` (0 to 1) of `over`, the rest of `under`."""
    return QColor.fromRgbF(
        over.redF() * share + under.redF() * (1 - share),
        over.greenF() * share + under.greenF() * (1 - share),
        over.blueF() * share + under.blueF() * (1 - share),
    )


def mute(widget: QWidget) -> None:
    """Use the secondary text colour, which follows the colour scheme."""
    widget.setForegroundRole(QPalette.ColorRole.PlaceholderText)


def emphasise(widget: QWidget) -> None:
    """Use the semi-bold weight."""
    font = widget.font()
    font.setWeight(QFont.Weight.DemiBold)
    widget.setFont(font)


def enlarge(widget: QWidget) -> None:
    """Use the heading size, in semi-bold."""
    font = widget.font()
    if font.pointSizeF() > 0:
        font.setPointSizeF(font.pointSizeF() * 1.35)
    font.setWeight(QFont.Weight.DemiBold)
    widget.setFont(font)
