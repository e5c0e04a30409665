"""The pictures of one job: the current one with its actions and recipe, and a strip of all."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import QImage, QKeyEvent, QPainter, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QWidget

from studio.ui.media.picture.canvas import PictureCanvas
from studio.ui.media.picture.picture_panel import PicturePanel
from studio.ui.media.picture.variations import State, Variation, VariationModel, VariationStrip
from studio.ui.style.theme import GRID
from studio.ui.widgets.empty_state import EmptyState
from studio.ui.workspaces.image.picture_actions import PictureActions
from studio.ui.workspaces.image.recipe_panel import WIDTH as RECIPE_WIDTH
from studio.ui.workspaces.image.recipe_panel import RecipePanel

_CANVAS_BESIDE_RECIPE = 44 * GRID
"""The recipe opens by itself only where that much is left for the canvas."""

_MOST_COMPARED = 4


class _ArrowKeys:
    """A canvas tool: left and right change the picture while there is nothing to pan."""

    def __init__(self, canvas: PictureCanvas, strip: VariationStrip) -> None:
        self._canvas = canvas
        self._strip = strip

    def paint(self, painter: QPainter, area: QRect) -> None:
        """Draw nothing."""

    def handle(self, event: QEvent) -> bool:
        if not isinstance(event, QKeyEvent) or event.type() != QEvent.Type.KeyPress:
            return False
        steps = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}
        if event.key() not in steps or not self._canvas.viewport.fitted:
            return False
        self._strip.step(steps[Qt.Key(event.key())])
        return True


class ResultPanel(QWidget):
    """Shows an `EmptyState` until a job begins."""

    enlarge_requested = Signal(str)
    start_from_requested = Signal(str)
    folder_requested = Signal(str)
    compare_requested = Signal(list)
    """The asset ids of two to four pictures."""
    delete_requested = Signal(str)
    """The asset id of the current picture."""
    menu_requested = Signal(str, QPoint)
    """The asset id of the current picture, and a point in screen coordinates."""
    shown = Signal(str)
    """The asset id of the current picture, empty while it is not finished."""
    recipe_toggled = Signal(bool)
    """The user opened or closed the recipe."""

    def __init__(self, empty: EmptyState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._follows = True
        self._before = -1
        self._current = -1
        self.recipe_wanted: bool | None = None
        """Whether the user opened or closed the recipe; None opens it where there is room."""
        self.start_supported = True
        """Whether the chosen model supports a start picture."""
        self._panel = PicturePanel(empty, self)
        self._loader, self._caption = self._panel.loader, self._panel.caption
        self._loader.loaded.connect(self._show_picture)
        self._loader.failed.connect(self._show_unreadable)
        self.canvas = self._panel.canvas
        self.canvas.setAccessibleName(self.tr("The picture"))
        self.model = VariationModel(self)
        self.strip = VariationStrip(self.model, self)
        self.strip.picked.connect(self._picked)
        self.strip.clicked.connect(self._clicked)
        self.strip.selectionModel().selectionChanged.connect(lambda *_: self._update_buttons())
        self.canvas.set_tool(_ArrowKeys(self.canvas, self.strip))
        for view, inside in ((self.canvas, self.canvas), (self.strip, self.strip.viewport())):
            view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
            view.customContextMenuRequested.connect(
                lambda at, inside=inside: self._request_menu(inside.mapToGlobal(at))
            )
        self.actions_bar = PictureActions(self)
        self.start_from = self.actions_bar.start_from
        self.enlarge = self.actions_bar.enlarge
        self.folder = self.actions_bar.folder
        self.actions_bar.triggered.connect(self._act)
        self.actions_bar.recipe_toggled.connect(self._toggle_recipe)
        self.recipe = RecipePanel(self)
        self._panel.add_below(self.actions_bar)
        self._panel.add_below(self.strip)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(GRID // 2, 0, 0, 0)
        layout.setSpacing(GRID)
        layout.addWidget(self._panel, 1)
        layout.addWidget(self.recipe)
        self._arrange_recipe()
        self._show_caption()

    def begin(self, seed: int, count: int) -> None:
        """Show a new job with `count` waiting pictures."""
        self._follows = True
        self._before = self._current = -1
        self._loader.forget("main")
        self.canvas.clear()
        self.model.begin(seed, count)
        self.strip.setVisible(count > 1)
        self._panel.show_content()
        self._arrange_recipe()
        self.strip.setCurrentIndex(self.model.index(0))
        self._show_caption()

    def update_row(
        self, row: int, state: State, path: str = "", message: str = "", asset: str = ""
    ) -> None:
        """Update a row. The running row becomes current until the user selects one."""
        self.model.set_state(row, state, path, message, asset)
        current = self.current()
        if (
            self._follows
            and state == "running"
            and row != self.strip.currentIndex().row()
            and (current is None or current.state == "done")
        ):
            self.strip.setCurrentIndex(self.model.index(row))
        elif row == self.strip.currentIndex().row():
            self._load()

    def set_progress(self, step: int, steps: int) -> None:
        """Show how far the job is in the tiles of the strip."""
        self.model.set_progress(step / max(1, steps))

    def end(self) -> None:
        """Mark what was not made; the job has ended."""
        self.model.end()
        self._load()

    def show_asset(self, asset: str) -> bool:
        """Make a picture of the shown job the current one; return whether it is one of them."""
        row = self.model.row_of(asset)
        if row >= 0:
            self._follows = False
            self.strip.setCurrentIndex(self.model.index(row))
        return row >= 0

    def current(self) -> Variation | None:
        """Return the current picture, or None."""
        return self.model.at(self.strip.currentIndex().row())

    def path(self) -> str:
        """Return the path of the current picture if it is finished, or an empty string."""
        current = self.current()
        return current.path if current is not None and current.state == "done" else ""

    def set_start_supported(self, supported: bool) -> None:
        """Set whether the chosen model supports a start picture."""
        self.start_supported = supported
        self._update_buttons()

    def set_recipe_wanted(self, wanted: bool | None) -> None:
        """Open or close the recipe; None opens it where there is room."""
        self.recipe_wanted = wanted
        self._arrange_recipe()

    def stop(self) -> None:
        """Stop loading; wait for reads in progress."""
        self._loader.stop()
        self.model.stop()

    # ---- the current picture

    def _picked(self, row: int) -> None:
        self._before, self._current = self._current, row
        self._load()

    def _clicked(self) -> None:
        self._follows = False

    def _load(self) -> None:
        current = self.current()
        if current is not None and current.path:
            self._loader.request("main", current.path)
        else:
            self._loader.forget("main")
            self.canvas.clear()
        self._show_caption()
        finished = current is not None and current.state == "done"
        self.shown.emit(current.asset if current is not None and finished else "")

    def _show_picture(self, _key: str, _path: str, image: QImage, size: QSize) -> None:
        self.canvas.set_picture(image, size)
        self._show_caption(size)

    def _show_unreadable(self, _key: str, _path: str, _error: str) -> None:
        self.canvas.clear()
        self._show_message(self.tr("This picture cannot be shown."))

    def _show_caption(self, size: QSize | None = None) -> None:
        self._update_buttons()
        current = self.current()
        self._show_message(self._state_text(current))
        if current is None or current.state in ("failed", "deleted", "stopped"):
            self._caption.set_text("")
        elif self.path() and size is not None:
            text = self.tr("{width} × {height} px, seed {seed}")
            self._caption.set_text(
                text.format(width=size.width(), height=size.height(), seed=current.seed)
            )
        else:
            self._caption.set_text(self.tr("Seed {seed}").format(seed=current.seed))

    def _state_text(self, current: Variation | None) -> str:
        """Return what is said in the place of a picture that cannot be seen."""
        match current.state if current is not None and not current.path else "":
            case "waiting":
                return self.tr("This picture is waiting for its turn.")
            case "running":
                return self.tr("This picture is being generated.")
            case "stopped":
                return self.tr("This picture was not made.")
            case "deleted":
                return self.tr("This picture was deleted.")
            case "failed":
                return current.message if current is not None else ""
        return ""

    def _show_message(self, text: str) -> None:
        current = self.current()
        failed = current is not None and current.state == "failed"
        self._panel.message.show_text(text, "error" if failed else None)
        self._panel.message.setVisible(bool(text))

    # ---- actions

    def _act(self, name: str) -> None:
        current = self.current()
        match name:
            case "start_from":
                self.start_from_requested.emit(self.path())
            case "enlarge":
                self.enlarge_requested.emit(self.path())
            case "folder":
                self.folder_requested.emit(self.path())
            case "compare":
                self.compare_requested.emit(self._compared())
            case "delete" if current is not None:
                self._follows = False
                self.delete_requested.emit(current.asset)

    def _compared(self) -> Sequence[str]:
        """Return the selected pictures, or the current one and the one shown before."""
        finished = {variation.row: variation.asset for variation in self.model.finished()}
        chosen = [row for row in self.strip.selected_rows() if row in finished]
        if len(chosen) < 2:
            row = self.strip.currentIndex().row()
            others = [each for each in finished if each != row]
            if row not in finished or not others:
                return []
            nearest = min(others, key=lambda each: abs(each - row))
            chosen = sorted((row, self._before if self._before in others else nearest))
        return [finished[row] for row in chosen[:_MOST_COMPARED]]

    def _request_menu(self, at: QPoint) -> None:
        current = self.current()
        if current is not None and current.state == "done" and current.asset:
            self._follows = False
            self.menu_requested.emit(current.asset, at)

    def _update_buttons(self) -> None:
        finished = bool(self.path())
        current = self.current()
        for button in (self.enlarge, self.folder):
            button.setEnabled(finished)
        kept = finished and current is not None and bool(current.asset)
        self.actions_bar.delete.setEnabled(kept)
        self.actions_bar.compare.setEnabled(len(self._compared()) > 1)
        self.start_from.setEnabled(finished and self.start_supported)
        self.start_from.setToolTip(
            self.tr("Use as start picture")
            if self.start_supported
            else self.tr("The chosen model does not support a start picture")
        )

    # ---- the recipe

    def _toggle_recipe(self, wanted: bool) -> None:
        self.set_recipe_wanted(wanted)
        self.recipe_toggled.emit(wanted)

    def _arrange_recipe(self) -> None:
        has_room = self.width() >= _CANVAS_BESIDE_RECIPE + RECIPE_WIDTH
        wanted = has_room if self.recipe_wanted is None else self.recipe_wanted
        self.recipe.setVisible(wanted and not self._panel.is_empty)
        self.actions_bar.recipe.setChecked(wanted)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange_recipe()
