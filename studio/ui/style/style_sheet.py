"""The application's style sheet: fields, buttons, cards, tabs, lists and scroll bars.

One sheet for the whole application, made from the colours of the scheme: Qt resolves `palette()`
only when a sheet is set. Sizes are multiples of half a grid unit.
"""

from __future__ import annotations

from collections.abc import Mapping
from string import Template

from studio.settings import RESOURCES

_SHEET = Template("""
QFrame[frameShape="6"] { background: $Card; border: 1px solid $Line; border-radius: 8px; }
QAbstractScrollArea[frameShape="6"] { background: $Base; border: 1px solid $Line;
  border-radius: 6px; padding: 1px; }
QPlainTextEdit[frameShape="6"], QTextEdit[frameShape="6"] { border-color: $Field; padding: 3px; }
QPlainTextEdit[frameShape="6"]:focus, QTextEdit[frameShape="6"]:focus,
  QAbstractItemView[frameShape="6"]:focus { border-color: $Accent; }
QLineEdit, QAbstractSpinBox, QComboBox { background: $Base; border: 1px solid $Field;
  border-radius: 6px; padding: 4px 6px; min-height: 18px; selection-background-color: $Highlight; }
QLineEdit:focus, QAbstractSpinBox:focus, QComboBox:focus { border-color: $Accent; }
QLineEdit:disabled, QAbstractSpinBox:disabled, QComboBox:disabled { background: $Window;
  border-color: $Line; color: $Faded; }
QAbstractSpinBox { padding: 4px 0 4px 6px; }
QAbstractSpinBox::up-button, QAbstractSpinBox::down-button { subcontrol-origin: border; width: 20px;
  border: none; background: transparent; }
QAbstractSpinBox::up-button { subcontrol-position: top right; margin: 2px 2px 0 0; }
QAbstractSpinBox::down-button { subcontrol-position: bottom right; margin: 0 2px 2px 0; }
QAbstractSpinBox::up-button:hover, QAbstractSpinBox::down-button:hover { background: $Hover;
  border-radius: 3px; }
QAbstractSpinBox::up-arrow { image: url($Icons/up-$Scheme.svg); width: 10px; height: 10px; }
QAbstractSpinBox::down-arrow { image: url($Icons/down-$Scheme.svg); width: 10px; height: 10px; }
QComboBox { padding: 4px 4px 4px 8px; }
QComboBox:hover:!focus { border-color: $Strong; }
QComboBox::drop-down { border: none; width: 22px; }
QComboBox::down-arrow { image: url($Icons/down-$Scheme.svg); width: 12px; height: 12px; }
QComboBox QAbstractItemView { background: $Card; border: 1px solid $Field; border-radius: 0;
  padding: 4px; outline: 0; }
QComboBox QAbstractItemView::item { min-height: 26px; padding: 0 6px; border-radius: 4px; }
QComboBox QAbstractItemView::item:selected { background: $Soft; color: $Text; }
QTreeView::item:selected, QListView::item:selected, QTableView::item:selected {
  background: $Soft; color: $Text; border: none; }
QPushButton { background: $Button; border: 1px solid $Field; border-radius: 6px;
  padding: 5px 12px; min-height: 18px; }
QPushButton:hover { background: $Hover; }
QPushButton:pressed, QPushButton:checked { background: $Soft; border-color: $Accent; }
QPushButton:focus { border-color: $Accent; }
QPushButton:disabled { background: $Window; border-color: $Line; color: $Faded; }
QPushButton:flat { background: transparent; border-color: transparent; }
QPushButton::menu-indicator { image: none; width: 0; }
QPushButton[primary="true"] { background: $Accent; border: 1px solid $Accent;
  color: $HighlightedText; padding: 7px 18px; }
QPushButton[primary="true"]:hover { background: $AccentHover; border-color: $AccentHover; }
QPushButton[primary="true"]:focus { border: 2px solid $Text; padding: 6px 17px; }
QPushButton[primary="true"]:pressed { background: $Link; color: $Base; }
QPushButton[primary="true"]:disabled { background: $Midlight; border-color: $Midlight;
  color: $PlaceholderText; }
QToolButton { background: transparent; border: 1px solid transparent; border-radius: 6px;
  padding: 4px; }
QToolButton:hover, QToolButton:open { background: $Hover; }
QToolButton:checked { background: $Soft; }
QToolButton:pressed { background: $Soft; }
QToolButton:focus { border-color: $Accent; }
QToolButton:disabled { color: $Faded; background: transparent; }
QToolButton::menu-indicator { image: none; }
WrappedButtons > QToolButton { background: $Card; border-color: $Line; border-radius: 11px;
  padding: 2px 8px; }
WrappedButtons > QToolButton:hover { background: $Hover; }
WrappedButtons > QToolButton:focus { border-color: $Accent; }
QTabWidget::pane { border: none; border-top: 1px solid $Line; }
QTabWidget::tab-bar { left: 8px; }
QTabBar { qproperty-drawBase: 0; }
QTabBar::tab { background: transparent; border: none; border-bottom: 2px solid transparent;
  padding: 8px 8px 6px 8px; color: $PlaceholderText; }
QTabBar::tab:hover { color: $Text; }
QTabBar::tab:selected { color: $Text; border-bottom-color: $Accent; }
QTabBar::tab:focus { color: $Link; }
QScrollBar { background: transparent; border: none; margin: 0; }
QScrollBar:vertical { width: 12px; }
QScrollBar:horizontal { height: 12px; }
QScrollBar::handle { background: $Handle; border: none; border-radius: 3px; }
QScrollBar::handle:vertical { min-height: 36px; margin: 0 3px; }
QScrollBar::handle:horizontal { min-width: 36px; margin: 3px 0; }
QScrollBar::handle:hover { background: $Strong; }
QScrollBar::handle:disabled { background: transparent; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }
QSlider:horizontal { min-height: 18px; }
QSlider::groove:horizontal { height: 4px; border-radius: 2px; background: $Field; }
QSlider::sub-page:horizontal { border-radius: 2px; background: $Accent; }
QSlider::sub-page:horizontal:disabled { background: $Field; }
QSlider::handle:horizontal { width: 14px; height: 14px; margin: -6px 0; border-radius: 8px;
  background: $Knob; border: 1px solid $Strong; }
QSlider::handle:horizontal:hover, QSlider::handle:horizontal:focus { border-color: $Accent; }
QProgressBar { background: $Line; border: none; border-radius: 2px; text-align: center; }
QProgressBar::chunk { background: $Accent; border-radius: 2px; }
QMenu { background: $Card; border: 1px solid $Field; padding: 4px; }
QMenu::item { padding: 6px 24px 6px 12px; border-radius: 4px; }
QMenu::icon { padding-left: 8px; }
QMenu::item:selected { background: $Soft; color: $Text; }
QMenu::item:disabled { color: $Faded; }
QMenu::separator { height: 1px; background: $Line; margin: 4px 8px; }
QToolTip { background: $Card; color: $Text; border: 1px solid $Field; padding: 4px 6px; }
QHeaderView::section { background: $Window; border: none; border-bottom: 1px solid $Line;
  padding: 4px 8px; }
QTableCornerButton::section { background: $Window; border: none; }
QTableView { gridline-color: $Line; }
QSplitter::handle { background: transparent; }
QSplitter::handle:hover { background: $Line; }
QMainWindow::separator { width: 1px; height: 1px; background: $Line; }
QMainWindow::separator:hover { background: $Accent; }
""")


def style_sheet(colours: Mapping[str, str], *, dark: bool) -> str:
    """Return the sheet in these colours: the names of palette roles, and those of `theme`."""
    icons = (RESOURCES / "icons" / "arrows").as_posix()
    return _SHEET.substitute(colours, Icons=icons, Scheme="dark" if dark else "light")
