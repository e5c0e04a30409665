"""A message of the message bar and its list."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from studio.ui.style.theme import Severity

ICONS: dict[Severity, str] = {
    "info": "info",
    "success": "circle-check",
    "warning": "triangle-alert",
    "error": "circle-alert",
}


@dataclass(frozen=True)
class ShownMessage:
    """A message with its time and repetitions; `detail` is text for a bug report."""

    text: str
    kind: Severity
    when: datetime
    action_text: str = ""
    action: Callable[[], object] | None = None
    detail: str = ""
    times: int = 1

    @property
    def line(self) -> str:
        """The text, followed by the number of repetitions if there are any."""
        return self.text if self.times == 1 else f"{self.text} (×{self.times})"
