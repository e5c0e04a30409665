"""How long a cancel takes in every state of a job, and that the next job runs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from studio.kinds.text import TextRequest
from studio.protocol import Accepted, Loading, Progress, TextDelta
from tests.benchmarks.baseline import PROMPT
from tests.benchmarks.headless_app import HeadlessApp, headless_app
from tests.benchmarks.table import Row

REQUEST = TextRequest(prompt=PROMPT, model="smollm2-135m-instruct", max_tokens=400, seed=7, count=2)


def _cancel_when(app: HeadlessApp, is_time: Callable[[object], bool], delay: float = 0.0) -> float:
    """Cancel at the first event for which `is_time` is true; return seconds until the job ended."""
    (job,) = app.library.queue.enqueue([REQUEST], claim=True)
    asked: list[float] = []

    def cancel() -> None:
        if delay:
            threading.Event().wait(delay)
        asked.append(time.perf_counter())
        app.runner.cancel(job.id)

    def report(event: object) -> None:
        if not asked and not started and is_time(event):
            started.append(True)
            threading.Thread(target=cancel).start()

    started: list[bool] = []
    status = app.runner.run(job, report)
    end = time.perf_counter()
    if status != "cancelled" or not asked:
        raise RuntimeError(f"the job ended as {status}")
    return end - asked[0]


def _cancel_at_start(app: HeadlessApp) -> float:
    """Cancel a job while the engine process itself is starting."""
    (job,) = app.library.queue.enqueue([REQUEST], claim=True)
    asked: list[float] = []

    def cancel() -> None:
        asked.append(time.perf_counter())
        app.runner.cancel(job.id)

    timer = threading.Timer(0.2, cancel)
    timer.start()
    status = app.runner.run(job, lambda _event: None)
    end = time.perf_counter()
    timer.join()
    if status != "cancelled":
        raise RuntimeError(f"the job ended as {status}")
    return end - asked[0]


def states() -> list[Row]:
    """Two rows: at a step, and the longest of all other states."""
    with headless_app() as app:
        waits = {
            "engine starting": _cancel_at_start(app),
            "accepted": _cancel_when(app, lambda event: isinstance(event, Accepted)),
            "importing": _cancel_when(app, lambda event: isinstance(event, Accepted), 1.5),
            "model loading": _cancel_when(app, lambda event: isinstance(event, Loading)),
        }
        step = _cancel_when(app, lambda event: isinstance(event, Progress | TextDelta), 0.5)
        app.run(TextRequest(prompt="Say hello.", model="smollm2-135m-instruct", max_tokens=8))
    longest = max(waits, key=waits.__getitem__)
    return [
        Row("cancel at a step boundary", "≤ 0.5 s", f"{step:.2f} s", step <= 0.5, {"step": step}),
        Row(
            "cancel in any state, loading included; then the next job runs",
            "≤ 3 s",
            f"{waits[longest]:.2f} s ({longest})",
            waits[longest] <= 3,
            dict(waits),
        ),
    ]
