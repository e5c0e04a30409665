"""Light and dark palettes, severity colours and text styles.

The app looks the same on every platform: Qt's Fusion style with its own palette and style sheet.
"""

from __future__ import annotations

from typing import Literal

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QFont, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication, QWidget

from studio.ui.style.style_sheet import style_sheet

GRID = 8
"""Grid unit in device-independent pixels; margins and spacings are multiples of it."""

STYLE_ARGUMENTS = ("-style", "fusion")
"""Arguments of the application that choose the style. Asking for its style or setting it makes all
enums of `QStyle`, which takes 6 ms before the first paint."""

Scheme = Literal["system", "light", "dark"]
Severity = Literal["info", "success", "warning", "error"]

_SCHEMES = {
    "system": Qt.ColorScheme.Unknown,
    "light": Qt.ColorScheme.Light,
    "dark": Qt.ColorScheme.Dark,
}

_PALETTES: dict[bool, dict[str, str]] = {
    False: {
        "Window": "#f6f7f9",
        "WindowText": "#1b1e23",
        "Base": "#ffffff",
        "AlternateBase": "#eef0f4",
        "Text": "#1b1e23",
        "Button": "#ffffff",
        "ButtonText": "#1b1e23",
        "BrightText": "#b3261e",
        "PlaceholderText": "#626974",
        "ToolTipBase": "#ffffff",
        "ToolTipText": "#1b1e23",
        "Highlight": "#2f5fd0",
        "HighlightedText": "#ffffff",
        "Accent": "#2f5fd0",
        "Link": "#2453bd",
        "LinkVisited": "#6b3fb5",
        "Light": "#ffffff",
        "Midlight": "#e8ebf0",
        "Mid": "#c3c8d0",
        "Dark": "#a4abb6",
        "Shadow": "#7c838e",
    },
    True: {
        "Window": "#1b1d21",
        "WindowText": "#e7e9ec",
        "Base": "#141619",
        "AlternateBase": "#25282e",
        "Text": "#e7e9ec",
        "Button": "#2a2d33",
        "ButtonText": "#e7e9ec",
        "BrightText": "#ff8a80",
        "PlaceholderText": "#9aa1ac",
        "ToolTipBase": "#2a2d33",
        "ToolTipText": "#e7e9ec",
        "Highlight": "#3565d8",
        "HighlightedText": "#ffffff",
        "Accent": "#3f6fe0",
        "Link": "#8fb2ff",
        "LinkVisited": "#c3a6ff",
        "Light": "#3a3e46",
        "Midlight": "#33363d",
        "Mid": "#45494f",
        "Dark": "#0f1113",
        "Shadow": "#0b0c0d",
    },
}
_EXTRA: dict[bool, dict[str, str]] = {
    False: {
        "Card": "#ffffff",
        "Line": "#e2e5ea",
        "Field": "#ccd1d9",
        "Strong": "#a4abb6",
        "Hover": "#ebeef3",
        "Soft": "#dfe8fb",
        "AccentHover": "#2854bb",
        "Handle": "#c6cbd3",
        "Knob": "#ffffff",
        "Faded": "#9299a4",
    },
    True: {
        "Card": "#222529",
        "Line": "#34383f",
        "Field": "#434851",
        "Strong": "#69707b",
        "Hover": "#2d3138",
        "Soft": "#263350",
        "AccentHover": "#3565d8",
        "Handle": "#4a4f58",
        "Knob": "#d9dce1",
        "Faded": "#727883",
    },
}
"""Colours of the style sheet for which a palette has no role."""

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
    scheme = hints.colorScheme() if choice == "system" else _SCHEMES[choice]
    dark = scheme == Qt.ColorScheme.Dark
    colours = _PALETTES[dark] | _EXTRA[dark]
    sheet = style_sheet(colours, dark=dark)
    if app.styleSheet() == sheet:
        return
    palette = _fusion_palette(dark)
    app.setPalette(palette)
    # Fusion derives the outline from the window colour, which makes it invisible on a dark one.
    palette.setColor(QPalette.ColorRole.Window, QColor(_BOX))
    for widget_class in ("QCheckBox", "QRadioButton"):
        app.setPalette(palette, widget_class)  # type: ignore[arg-type]  # the stubs say bytes, it is text
    app.setStyleSheet(sheet)


def _fusion_palette(dark: bool) -> QPalette:
    palette = QPalette()
    for name, colour in _PALETTES[dark].items():
        palette.setColor(QPalette.ColorRole[name], QColor(colour))
    faded = QColor(_EXTRA[dark]["Faded"])
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


def selection_colour(palette: QPalette) -> QColor:
    """Return the ground of a selected row or tile, on which text keeps its colour."""
    return QColor(_EXTRA[is_dark(palette)]["Soft"])


def line_colour(palette: QPalette) -> QColor:
    """Return the colour of quiet borders, as those of cards."""
    return QColor(_EXTRA[is_dark(palette)]["Line"])


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
