"""Zoom and position relative to the picture size, so that they apply to pictures of any size."""

from __future__ import annotations

from dataclasses import dataclass, replace

from studio.ui.media.picture.viewport import Viewport


@dataclass(frozen=True)
class RelativeView:
    """A view of a picture.

    `scale` is relative to the zoom at which the picture just fits the canvas; `centre` is the
    point in the centre of the canvas, in fractions of width and height.
    """

    scale: float = 1.0
    centre: tuple[float, float] = (0.5, 0.5)
    fitted: bool = True

    @classmethod
    def of(cls, viewport: Viewport) -> RelativeView:
        """Return the view that a viewport shows."""
        width, height = viewport.picture
        if viewport.fitted or not width or not height:
            return cls()
        return cls(
            viewport.zoom / _fitting_zoom(viewport),
            (viewport.centre[0] / width, viewport.centre[1] / height),
            False,
        )

    def applied_to(self, viewport: Viewport) -> Viewport:
        """Return the viewport changed to show this view of its picture."""
        width, height = viewport.picture
        if self.fitted or not width or not height:
            return viewport.fit()
        moved = replace(
            viewport,
            zoom=_fitting_zoom(viewport) * self.scale,
            centre=(self.centre[0] * width, self.centre[1] * height),
            fitted=False,
        )
        # Panning by zero clamps the picture to the canvas.
        return moved.panned(0, 0)


def _fitting_zoom(viewport: Viewport) -> float:
    """Return the zoom at which the picture just fits, even if `Viewport.fit` limits it."""
    return min(viewport.view[0] / viewport.picture[0], viewport.view[1] / viewport.picture[1])
