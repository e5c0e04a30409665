"""How a picture is looked at, told so that it holds for pictures of other sizes too."""

from __future__ import annotations

from dataclasses import dataclass, replace

from studio.ui.media.picture.viewport import Viewport


@dataclass(frozen=True)
class RelativeView:
    """`scale` is times the zoom at which a picture just fills the view; `centre` is in shares."""

    scale: float = 1.0
    centre: tuple[float, float] = (0.5, 0.5)
    fitted: bool = True

    @classmethod
    def of(cls, viewport: Viewport) -> RelativeView:
        """Return how a picture is looked at."""
        width, height = viewport.picture
        if viewport.fitted or not width or not height:
            return cls()
        return cls(
            viewport.zoom / _filling(viewport),
            (viewport.centre[0] / width, viewport.centre[1] / height),
            False,
        )

    def applied_to(self, viewport: Viewport) -> Viewport:
        """Return the viewport that looks at its picture in this way."""
        width, height = viewport.picture
        if self.fitted or not width or not height:
            return viewport.fit()
        moved = replace(
            viewport,
            zoom=_filling(viewport) * self.scale,
            centre=(self.centre[0] * width, self.centre[1] * height),
            fitted=False,
        )
        # Moving by nothing keeps the picture inside the view.
        return moved.panned(0, 0)


def _filling(viewport: Viewport) -> float:
    """Return the zoom at which the picture fills the view; for icons, fitting stops short of it."""
    return min(viewport.view[0] / viewport.picture[0], viewport.view[1] / viewport.picture[1])
