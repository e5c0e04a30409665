"""Two to four pictures side by side, with what is different about them."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QCloseEvent, QImage
from PySide6.QtWidgets import (
    QDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from studio.library.records import Asset
from studio.ui.compare.differences import differences
from studio.ui.compare.linked_view import Together
from studio.ui.compare.pane import ComparePane
from studio.ui.media.picture.loader import PictureLoader
from studio.ui.shell.theme import GRID, mute

LONGEST = 160
"""Characters of a caption's value; the tooltip has all of them."""


class CompareDialog(QDialog):
    """Not modal; Esc closes it. Object names: `compare.dialog`, `compare.pane.0`, …"""

    def __init__(self, assets: Sequence[Asset], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        if not 2 <= len(assets) <= 4:
            raise ValueError(f"{len(assets)} pictures")
        self.setObjectName("compare.dialog")
        self.setWindowTitle(self.tr("Compare"))
        self.setWindowFlag(Qt.WindowType.WindowMaximizeButtonHint, True)
        self.resize(140 * GRID, 90 * GRID)
        self._loader = PictureLoader(self)
        self._loader.loaded.connect(self._loaded)
        self._loader.failed.connect(self._failed)
        self.panes = [ComparePane(self) for _ in assets]
        self.captions: list[QLabel] = []
        grid = QGridLayout()
        grid.setSpacing(GRID)
        columns = 2 if len(assets) == 4 else len(assets)
        for place, (asset, telling) in enumerate(zip(assets, differences(assets), strict=True)):
            caption = self._caption(place, telling)
            pane = self.panes[place]
            pane.setObjectName(f"compare.pane.{place}")
            pane.setAccessibleName(
                self.tr("Picture {n} of {count}").format(n=place + 1, count=len(assets))
            )
            pane.setAccessibleDescription(
                ", ".join(f"{name} {value}" for name, value in telling) or caption.text()
            )
            pane.moved.connect(self._follow)
            row, column = divmod(place, columns)
            grid.addWidget(pane, 2 * row, column)
            grid.addWidget(caption, 2 * row + 1, column)
            grid.setRowStretch(2 * row, 1)
            grid.setColumnStretch(column, 1)
            self._loader.request(str(place), str(asset.path))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * GRID, 2 * GRID, 2 * GRID, GRID)
        layout.setSpacing(GRID)
        layout.addLayout(grid, 1)
        layout.addLayout(self._bar())
        self.panes[0].setFocus()

    def _caption(self, place: int, telling: Sequence[tuple[str, str]]) -> QLabel:
        caption = QLabel(self)
        caption.setObjectName(f"compare.caption.{place}")
        caption.setWordWrap(True)
        caption.setTextFormat(Qt.TextFormat.RichText)
        caption.setAlignment(Qt.AlignmentFlag.AlignTop)
        caption.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        caption.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        if not telling:
            caption.setText(self.tr("The same settings as the others"))
            mute(caption)
        else:
            caption.setText(
                " &nbsp; ".join(
                    f"<b>{escape(name)}</b> {escape(_cut(value))}" for name, value in telling
                )
            )
            caption.setToolTip("\n".join(f"{name}: {value}" for name, value in telling))
        self.captions.append(caption)
        return caption

    def _bar(self) -> QHBoxLayout:
        hint = QLabel(
            self.tr(
                "Wheel or + and − zoom, dragging or the arrow keys move, 0 fits, "
                "1 shows true pixels, Tab goes to the next picture."
            ),
            self,
        )
        hint.setWordWrap(True)
        mute(hint)
        bar = QHBoxLayout()
        bar.setSpacing(GRID)
        bar.addWidget(hint, 1)
        for text, name, act in (
            (self.tr("Fit"), "compare.fit", lambda: self._active().fit()),
            (self.tr("True pixels"), "compare.actual", lambda: self._active().actual_size()),
            (self.tr("Close"), "compare.close", self.close),
        ):
            button = QPushButton(text, self)
            button.setObjectName(name)
            button.setAccessibleName(text)
            button.setAutoDefault(False)
            button.clicked.connect(lambda _checked=False, act=act: act())
            bar.addWidget(button)
        return bar

    def _active(self) -> ComparePane:
        return next((pane for pane in self.panes if pane.hasFocus()), self.panes[0])

    def _follow(self, together: Together) -> None:
        for pane in self.panes:
            if pane is not self.sender():
                pane.look(together)

    def _loaded(self, key: str, _path: str, image: QImage, size: QSize) -> None:
        self.panes[int(key)].set_picture(image, size)

    def _failed(self, key: str, path: str, error: str) -> None:
        self.panes[int(key)].set_message(
            self.tr("{path} cannot be shown: {error}").format(path=path, error=error)
        )

    def closeEvent(self, event: QCloseEvent) -> None:
        self._loader.stop()
        super().closeEvent(event)

    def reject(self) -> None:
        """Esc: leave."""
        self._loader.stop()
        super().reject()


def _cut(value: str) -> str:
    return value if len(value) <= LONGEST else value[: LONGEST - 1] + "…"
