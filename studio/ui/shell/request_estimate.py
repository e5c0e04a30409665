"""What to expect of the settings that a tab shows, said in its run bar before anything runs."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer

from studio.kinds.registry import kind_of
from studio.protocol import Request, readable_size
from studio.ui.shell.estimates import estimates_of
from studio.ui.shell.state import AppState
from studio.ui.style.theme import Severity
from studio.ui.widgets.run_bar import RunBar

if TYPE_CHECKING:
    from studio.jobs.estimate import Estimator
    from studio.jobs.forecast import Forecast

QUIET_MS = 300
"""Values that change again sooner are not asked for."""

_Told = tuple["float | None", "Forecast | None"]


class RequestEstimate(QObject):
    """Asks whenever `soon` was called and the values have come to rest.

    `requests` tells what the tab would send now, nothing where it would send nothing.
    """

    def __init__(
        self,
        state: AppState,
        run_bar: RunBar,
        requests: Callable[[], Sequence[Request]],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._state = state
        self._run_bar = run_bar
        self._requests = requests
        self._asked = 0
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(QUIET_MS)
        self._timer.timeout.connect(self._ask)
        estimates_of(state).changed.connect(self.soon)
        self.soon()

    def soon(self, *_: object) -> None:
        """Ask again once the values have come to rest."""
        self._timer.start()

    def _ask(self) -> None:
        requests = list(self._requests())
        self._asked += 1
        if not requests:
            self._run_bar.set_estimate(None)
            return
        state, asked = self._state, self._asked

        def look(known: Estimator) -> _Told:
            first = requests[0]
            fits = _forecast(state, known, first) if kind_of(first).size is not None else None
            return known.batch_seconds(requests), fits

        def tell(told: _Told) -> None:
            if asked == self._asked:
                self._tell(*told)

        estimates_of(state).read(self, look, tell)

    def _tell(self, seconds: float | None, fits: Forecast | None) -> None:
        if fits is None or fits.verdict == "fits":
            self._run_bar.set_estimate(seconds)
            return
        kind: Severity = "warning" if fits.verdict == "tight" else "error"
        will_not = fits.verdict == "will_not_fit"
        values = {"need": readable_size(fits.need), "available": readable_size(fits.available)}
        if fits.size is None:
            short = self.tr("Will not fit") if will_not else self.tr("Memory is tight")
        else:
            values |= {"width": str(fits.size[0]), "height": str(fits.size[1])}
            short = (
                self.tr("Will not fit: try {width} × {height}")
                if will_not
                else self.tr("Tight: {width} × {height} is safe")
            ).format_map(values)
        detail = (
            self.tr(
                "A picture of this size needs about {need} of memory, and {available} can be "
                "used. It is likely to fail."
            )
            if will_not
            else self.tr(
                "A picture of this size needs about {need} of memory, and {available} can be "
                "used. It will be put together in ways that need less and take longer."
            )
        ).format_map(values)
        self._run_bar.set_estimate(None if will_not else seconds, short, detail, kind)


def _forecast(state: AppState, known: Estimator, request: Request) -> Forecast | None:
    """Look at the model and the machine; called off the window's thread."""
    from studio.jobs.forecast import forecast
    from studio.protocol import ProblemError

    registry = state.open_registry()
    try:
        model = registry.resolve_all(request)[0]
    except ProblemError:
        return None
    memory = state.memory
    if memory is not None:
        on_gpu = memory.kind == "gpu"
    else:
        on_gpu = state.settings.device != "cpu" and shutil.which("nvidia-smi") is not None
    peaks = [peak for peak in known.peaks(request) if bool(peak.device_total) == on_gpu]
    if on_gpu and memory is None and not peaks:
        # How much memory it has is not known before something ran on it.
        return None
    return forecast(request, model, registry.capabilities(model), peaks, memory if on_gpu else None)
