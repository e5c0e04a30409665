"""The geometry of zooming and panning, independent of a widget.

Coordinates are picture pixels, from the picture's top left corner, or view points
(device-independent pixels), from the widget's. `zoom` is view points per picture pixel.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

MIN_ZOOM = 0.02
MAX_ZOOM = 32.0


@dataclass(frozen=True)
class Viewport:
    """Zoom and position of a picture in a view.

    `picture` and `view` are (width, height); `centre` is the picture pixel at the centre of the
    view. If `fitted`, the zoom follows the size of the view.
    """

    picture: tuple[int, int] = (0, 0)
    view: tuple[int, int] = (1, 1)
    zoom: float = 1.0
    centre: tuple[float, float] = (0.0, 0.0)
    fitted: bool = True
    most: float = 8.0
    """The zoom up to which a small picture is enlarged to fit."""

    def fit_zoom(self) -> float:
        """Return the zoom at which the whole picture just fits, at most `most`."""
        width, height = self.picture
        if not width or not height:
            return 1.0
        return max(MIN_ZOOM, min(self.view[0] / width, self.view[1] / height, self.most))

    def fit(self) -> Viewport:
        """Return the viewport that shows the whole picture."""
        width, height = self.picture
        return replace(self, zoom=self.fit_zoom(), centre=(width / 2, height / 2), fitted=True)

    def with_picture(self, width: int, height: int) -> Viewport:
        """Return the viewport for a picture of another size that shows the same part of it."""
        if self.fitted or not self.picture[0] or not self.picture[1]:
            return replace(self, picture=(width, height)).fit()
        factor = width / self.picture[0]
        moved = replace(
            self,
            picture=(width, height),
            zoom=self.zoom / factor,
            centre=(self.centre[0] * factor, self.centre[1] * height / self.picture[1]),
        )
        return moved._clamped()

    def with_view(self, width: int, height: int) -> Viewport:
        """Return the viewport for a view of another size."""
        changed = replace(self, view=(max(1, width), max(1, height)))
        return changed.fit() if self.fitted else changed._clamped()

    def zoomed(self, factor: float, x: float, y: float) -> Viewport:
        """Return the viewport zoomed by `factor` around the view point (x, y)."""
        zoom = max(MIN_ZOOM, min(MAX_ZOOM, self.zoom * factor))
        px, py = self.to_picture(x, y)
        centre = (
            px - (x - self.view[0] / 2) / zoom,
            py - (y - self.view[1] / 2) / zoom,
        )
        return replace(self, zoom=zoom, centre=centre, fitted=False)._clamped()

    def at_zoom(self, zoom: float) -> Viewport:
        """Return the viewport at an exact zoom, around the centre of the view."""
        return self.zoomed(zoom / self.zoom, self.view[0] / 2, self.view[1] / 2)

    def panned(self, dx: float, dy: float) -> Viewport:
        """Return the viewport after dragging the picture by (dx, dy) view points."""
        centre = (self.centre[0] - dx / self.zoom, self.centre[1] - dy / self.zoom)
        return replace(self, centre=centre)._clamped()

    def to_picture(self, x: float, y: float) -> tuple[float, float]:
        """Return the picture pixel under a view point."""
        return (
            self.centre[0] + (x - self.view[0] / 2) / self.zoom,
            self.centre[1] + (y - self.view[1] / 2) / self.zoom,
        )

    def target(self) -> tuple[float, float, float, float]:
        """Return the rectangle (x, y, width, height) in view points that the picture covers."""
        return (
            self.view[0] / 2 - self.centre[0] * self.zoom,
            self.view[1] / 2 - self.centre[1] * self.zoom,
            self.picture[0] * self.zoom,
            self.picture[1] * self.zoom,
        )

    def _clamped(self) -> Viewport:
        """Centre the picture if it is smaller than the view; leave no gaps if it is larger."""

        def bounded(centre: float, side: int, view: int) -> float:
            half = view / 2 / self.zoom
            if side <= 2 * half:
                return side / 2
            return max(half, min(side - half, centre))

        return replace(
            self,
            centre=(
                bounded(self.centre[0], self.picture[0], self.view[0]),
                bounded(self.centre[1], self.picture[1], self.view[1]),
            ),
        )
