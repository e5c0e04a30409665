"""The keep-or-reject dialog: one picture at a time, with a key for each decision."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Literal

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QImage, QKeySequence, QShortcut
from PySide6.QtWidgets import QDialog, QHBoxLayout, QPushButton, QWidget

from studio.library.records import Asset
from studio.library.store import Library
from studio.ui.media.picture.canvas import PictureCanvas
from studio.ui.media.picture.loader import PictureLoader
from studio.ui.shell.state import AppState
from studio.ui.style.theme import GRID, enlarge, mute
from studio.ui.widgets.buttons import dialog_button
from studio.ui.widgets.dialog_frame import fill_dialog, make_picture_window
from studio.ui.widgets.plain_text import one_line, plain_label, plain_tooltip
from studio.ui.widgets.tinted_label import TintedLabel

Decision = Literal["", "kept", "rejected"]

CACHED_PICTURES = 4
"""Loaded pictures: the current one, the next one, and the last ones shown."""

MAX_PROMPT = 160
"""Maximum characters of the prompt; the tooltip has all of them."""


class CullDialog(QDialog):
    """K or Enter keeps (adds a star), X or Delete rejects (moves to the trash), Ctrl+Z undoes.

    Left and Right move between pictures. Each decision is applied at once, so closing the dialog
    or a crash loses none. Object names: `cull.dialog`, `cull.keep`, `cull.reject`, `cull.undo`,
    `cull.progress`, …
    """

    def __init__(
        self,
        state: AppState,
        assets: Sequence[Asset],
        parent: QWidget | None = None,
        *,
        start: int = 0,
    ) -> None:
        super().__init__(parent)
        self._state = state
        self._assets = list(assets)
        self._starred = [asset.starred for asset in assets]
        self._decisions: list[Decision] = [""] * len(assets)
        self._history: list[tuple[int, Decision]] = []
        self._index = start
        self._pictures: OrderedDict[int, tuple[QImage, QSize]] = OrderedDict()
        self.setObjectName("cull.dialog")
        self.setWindowTitle(self.tr("Keep or reject"))
        make_picture_window(self, 140, 92)
        self._loader = PictureLoader(self)
        self._loader.stop_when_closed(self)
        self._loader.loaded.connect(self._loaded)
        self._loader.failed.connect(self._failed)
        self.progress = plain_label(parent=self)
        self.progress.setObjectName("cull.progress")
        enlarge(self.progress)
        self.decision = TintedLabel(self)
        self.decision.setObjectName("cull.decision")
        self._counts = plain_label(parent=self)
        self._counts.setObjectName("cull.counts")
        mute(self._counts)
        top = QHBoxLayout()
        top.setSpacing(2 * GRID)
        top.addWidget(self.progress)
        top.addWidget(self.decision)
        top.addStretch(1)
        top.addWidget(self._counts)
        self.canvas = PictureCanvas(self)
        self.canvas.setObjectName("cull.picture")
        self._prompt = plain_label(parent=self)
        mute(self._prompt)
        fill_dialog(
            self,
            top,
            self.canvas,
            self._prompt,
            self._bar(),
            stretched=self.canvas,
            margins=(2, 1, 2, 1),
            spacing=1,
        )
        self._bind()
        self.canvas.setFocus()
        self._show()

    # ---- actions of the keys

    def keep(self) -> None:
        """Star the picture and show the next one."""
        self._decide("kept")

    def reject_picture(self) -> None:
        """Move the picture to the trash and show the next one."""
        self._decide("rejected")

    def undo(self) -> None:
        """Undo the last decision and show its picture."""
        if self._history:
            index, before = self._history.pop()
            self._apply(index, before)
            self._go(index)

    def forward(self) -> None:
        """Show the next picture."""
        self._go(self._index + 1)

    def back(self) -> None:
        """Show the previous picture."""
        self._go(self._index - 1)

    # ---- private

    def _bind(self) -> None:
        for keys, act in (
            ("K", self.keep),
            ("Return", self.keep),
            ("Enter", self.keep),
            ("X", self.reject_picture),
            ("Del", self.reject_picture),
            ("Right", self.forward),
            ("Space", self.forward),
            ("Left", self.back),
            ("Ctrl+Z", self.undo),
        ):
            QShortcut(QKeySequence(keys), self).activated.connect(act)

    def _bar(self) -> QHBoxLayout:
        bar = QHBoxLayout()
        bar.setSpacing(GRID)
        self._buttons: dict[str, QPushButton] = {}
        for name, icon_name, text, act in (
            ("back", "", self.tr("Back (←)"), self.back),
            ("forward", "", self.tr("Next (→)"), self.forward),
            ("keep", "star", self.tr("Keep (K)"), self.keep),
            ("reject", "trash-2", self.tr("Reject (X)"), self.reject_picture),
            ("undo", "undo-2", self.tr("Undo (Ctrl+Z)"), self.undo),
            ("close", "", self.tr("Done (Esc)"), self.close),
        ):
            button = dialog_button(text, f"cull.{name}", act, self, icon_name)
            # A click must not take the keyboard focus from the picture.
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            if name in ("keep", "undo", "close"):
                bar.addStretch(1)
            bar.addWidget(button)
            self._buttons[name] = button
        return bar

    def _decide(self, decision: Decision) -> None:
        index, before = self._index, self._decisions[self._index]
        if decision != before:
            self._history.append((index, before))
            self._apply(index, decision)
        self._go(index + 1)

    def _apply(self, index: int, decision: Decision) -> None:
        before = self._decisions[index]
        asset_id, starred = self._assets[index].id, self._starred[index]
        self._decisions[index] = decision

        def change(library: Library) -> Asset | None:
            if before == "rejected":
                library.trash.restore([asset_id])
            if decision == "kept" or (before == "kept" and not starred):
                library.marks.star([asset_id], decision == "kept")
            if decision == "rejected":
                library.trash.put([asset_id])
            return library.assets.get(asset_id)

        def done(asset: Asset | None) -> None:
            # Trashing and restoring move the file.
            if asset is not None:
                self._assets[index] = asset

        def refused() -> None:
            self._decisions[index] = before
            self._history = [step for step in self._history if step != (index, before)]
            self._show()

        self._state.change_assets(self, change, done, refused)

    def _go(self, index: int) -> None:
        self._index = max(0, min(len(self._assets) - 1, index))
        self._show()

    def _show(self) -> None:
        count = len(self._assets)
        asset = self._assets[self._index]
        self.progress.setText(self.tr("{n} of {count}").format(n=self._index + 1, count=count))
        match self._decisions[self._index]:
            case "kept":
                self.decision.show_text(self.tr("Kept"), "success")
            case "rejected":
                self.decision.show_text(self.tr("Rejected"), "error")
            case _:
                self.decision.show_text(self.tr("Starred") if asset.starred else "")
        self._counts.setText(
            self.tr("{kept} kept, {rejected} rejected, {left} remaining").format(
                kept=self._decisions.count("kept"),
                rejected=self._decisions.count("rejected"),
                left=self._decisions.count(""),
            )
        )
        prompt = one_line(asset.prompt, MAX_PROMPT)
        self._prompt.setText(prompt)
        self._prompt.setToolTip(plain_tooltip(asset.prompt))
        self._prompt.setMinimumWidth(1)
        self.canvas.setAccessibleName(f"{self.progress.text()}: {prompt}")
        self._buttons["back"].setEnabled(self._index > 0)
        self._buttons["forward"].setEnabled(self._index < count - 1)
        self._buttons["undo"].setEnabled(bool(self._history))
        self._show_picture()

    def _show_picture(self) -> None:
        loaded = self._pictures.get(self._index)
        if loaded is None:
            self.canvas.clear()
        else:
            self._pictures.move_to_end(self._index)
            self._draw(*loaded)
        for index in (self._index, self._index + 1):
            if index < len(self._assets) and index not in self._pictures:
                self._loader.request(str(index), str(self._assets[index].path))

    def _draw(self, image: QImage, size: QSize) -> None:
        self.canvas.set_picture(image, size)
        self.canvas.fit()

    def _loaded(self, key: str, _path: str, image: QImage, size: QSize) -> None:
        index = int(key)
        self._pictures[index] = (image, size)
        while len(self._pictures) > CACHED_PICTURES:
            self._pictures.popitem(last=False)
        if index == self._index:
            self._draw(image, size)

    def _failed(self, key: str, _path: str, error: str) -> None:
        if int(key) == self._index:
            self.decision.show_text(
                self.tr("This picture cannot be shown: {error}").format(error=error), "warning"
            )
