"""Two videos in step, the second under the divider of the first."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtWidgets import QDialog, QHBoxLayout, QVBoxLayout, QWidget

from studio.kinds.requests import input_paths
from studio.library.records import Asset
from studio.ui.compare.differences import differences
from studio.ui.media.video.video_panel import VideoPanel
from studio.ui.shell.state import AppState
from studio.ui.style.theme import GRID, mute
from studio.ui.widgets.dialog_frame import close_buttons, fill_dialog, make_picture_window
from studio.ui.widgets.plain_text import one_line, plain_label

MAX_VALUE = 160
"""Characters of a value in a caption."""


class VideoCompareDialog(QDialog):
    """Of one video, or two: one is compared with the video that it was made from.

    Not modal; Esc closes it. Object name: `compare.videos`.
    """

    def __init__(
        self, state: AppState, assets: Sequence[Asset], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("compare.videos")
        self.setWindowTitle(self.tr("Compare"))
        make_picture_window(self, 140, 90)
        self.panel = VideoPanel("compare.videos", state.background, self)
        self.panel.failed.connect(lambda text: state.show_message(text, "warning"))
        self.finished.connect(self.panel.stop)
        state.closing.connect(self.close)
        body = QVBoxLayout()
        body.setSpacing(GRID)
        body.addWidget(self.panel, 1)
        body.addLayout(self._captions(assets))
        fill_dialog(self, body, close_buttons(self), stretched=body, margins=(2, 2, 2, 1))
        *_, after = assets
        if len(assets) > 1:
            before, offset = assets[0].path, 0.0
        else:
            source = next(iter(input_paths(after.recipe.request)), "")
            before, offset = Path(source), float(getattr(after.recipe.request, "start", 0.0))
        self.panel.show_video(after.path, after.duration or 0.0, before, offset)

    def _captions(self, assets: Sequence[Asset]) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(2 * GRID)
        for asset, facts in zip(assets, differences(assets), strict=True):
            said = ", ".join(f"{name} {one_line(value, MAX_VALUE)}" for name, value in facts)
            label = plain_label(said or one_line(asset.path.name), self)
            label.setWordWrap(True)
            mute(label)
            row.addWidget(label, 1)
        return row
