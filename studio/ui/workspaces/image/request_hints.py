"""Says before Generate what will be surprising about the next pictures."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QWidget

from studio.kinds.image import ImageRequest
from studio.ui.fields.model_picker import ModelPicker
from studio.ui.style.theme import Severity
from studio.ui.widgets.tinted_label import TintedLabel
from studio.ui.workspaces.image.image_controls import ImageControls


class RequestHints(TintedLabel):
    """Object name `image.hints`. Hidden while there is nothing to say; call `refresh`."""

    def __init__(
        self,
        controls: ImageControls,
        model: ModelPicker,
        request: Callable[[], ImageRequest],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("image.hints")
        self.setWordWrap(True)
        self._controls = controls
        self._model = model
        self._request = request
        self.hide()

    def refresh(self, *_: object) -> None:
        """Show what is true of the request now."""
        request = self._request()
        lines: list[str] = []
        severity: Severity | None = None
        if not request.prompt and self._model.ref() is not None:
            lines.append(self.tr("There is no prompt, so the model decides what to draw."))
        if self._controls.is_alike and request.count > 1 and request.image is None:
            severity = "warning"
            lines.append(
                self.tr(
                    "With this model, all variations of a prompt look nearly the same. For "
                    "different pictures, change the words or the style in the prompt."
                )
            )
        self.show_text("\n".join(lines), severity)
        self.setVisible(bool(lines))
