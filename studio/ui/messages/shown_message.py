"""A message as the message bar shows it and as its list keeps it."""

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
    """What was said, when and how often; `detail` is for a report."""

    text: str
    kind: Severity
    when: datetime
    action_text: str = ""
    action: Callable[[], object] | None = None
    detail: str = ""
    times: int = 1

    @property
    def line(self) -> str:
        """The text, and how often it was said in a row."""
        return self.text if self.times == 1 else f"{self.text} (×{self.times})"
