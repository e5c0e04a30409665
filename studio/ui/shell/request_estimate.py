"""Show the expected time and memory use of a tab's current settings in its run bar."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer

from studio.protocol import Request, readable_size
from studio.ui.shell.estimates import estimates_of
from studio.ui.shell.state import AppState
from studio.ui.style.theme import Severity
from studio.ui.widgets.run_bar import RunBar

if TYPE_CHECKING:
    from studio.jobs.estimate import Estimator
    from studio.jobs.forecast import Forecast

DEBOUNCE_MS = 300
"""Values must be unchanged for this long before an estimate is made."""

_Estimate = tuple["float | None", "Forecast | None"]


class RequestEstimate(QObject):
    """Estimates again after `update_soon`, once the values have not changed for `DEBOUNCE_MS`.

    `requests` returns the requests that the tab would submit now; empty if none.
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
        self._generation = 0
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(DEBOUNCE_MS)
        self._timer.timeout.connect(self._update)
        estimates_of(state).changed.connect(self.update_soon)
        self.update_soon()

    def update_soon(self, *_: object) -> None:
        """Update the estimate after the debounce interval."""
        self._timer.start()

    def _update(self) -> None:
        requests = list(self._requests())
        self._generation += 1
        if not requests:
            self._run_bar.set_estimate(None)
            return
        state, generation, known = self._state, self._generation, estimates_of(self._state)

        def estimate(estimator: Estimator) -> _Estimate:
            forecast = _forecast(state, estimator, requests[0])
            seconds = estimator.batch_seconds(requests)
            if seconds is not None:
                warm = known.is_warm(requests[0].task, estimator.model_of(requests[0]))
                seconds += estimator.start_up_seconds(
                    requests[0], is_warm=warm, engine=_engine_start(state)
                )
            return seconds, forecast

        def show(estimated: _Estimate) -> None:
            if generation == self._generation:
                self._show(*estimated)

        known.read(self, estimate, show)

    def _show(self, seconds: float | None, forecast: Forecast | None) -> None:
        if forecast is None or forecast.verdict == "fits":
            self._run_bar.set_estimate(seconds)
            return
        severity: Severity = "warning" if forecast.verdict == "tight" else "error"
        will_not = forecast.verdict == "will_not_fit"
        values = {
            "need": readable_size(forecast.need),
            "available": readable_size(forecast.available),
        }
        if forecast.size is None:
            short = self.tr("Will not fit") if will_not else self.tr("Memory is tight")
        else:
            values |= {"width": str(forecast.size[0]), "height": str(forecast.size[1])}
            short = (
                self.tr("Will not fit: try {width} × {height}")
                if will_not
                else self.tr("Tight: {width} × {height} is safe")
            ).format_map(values)
        detail = (
            self.tr(
                "This needs about {need} of memory, but only {available} is available. It will "
                "probably fail."
            )
            if will_not
            else self.tr(
                "This needs about {need} of memory, and {available} is available. Slower methods "
                "that need less memory will be used."
            )
        ).format_map(values)
        if forecast.is_measured:
            detail += " " + self.tr("Learned from earlier results on this computer.")
        self._run_bar.set_estimate(None if will_not else seconds, short, detail, severity)


def _engine_start(state: AppState) -> float:
    """Return the seconds that starting the engine will take, 0 if it runs. Reads the disk."""
    if state.worker.engine_has_run:
        return 0.0
    from studio.jobs.start_up import read_engine_start

    return read_engine_start(state.paths.cache)


def _forecast(state: AppState, estimator: Estimator, request: Request) -> Forecast | None:
    """Return the memory forecast for a request, None if unknown. It reads the disk."""
    from studio.jobs.forecast import forecast
    from studio.models.gpu_memory import gpu_memory
    from studio.protocol import ProblemError

    registry = state.open_registry()
    try:
        model, *others = registry.resolve_all(request)
    except ProblemError:
        return None
    if not model.path:
        return None  # a kind that needs no model
    memory = state.memory
    if memory is None and state.settings.device != "cpu":
        memory = gpu_memory()
    on_gpu = memory is not None and memory.kind == "gpu"
    peaks = [peak for peak in estimator.peaks(request) if bool(peak.device_total) == on_gpu]
    can = registry.capabilities(model)
    return forecast(request, model, can, peaks, memory if on_gpu else None, others)
