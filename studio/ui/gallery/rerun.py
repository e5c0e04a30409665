"""Run the request of a result again: as variations with new seeds, or to reproduce it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from studio.kinds.kind import Medium
from studio.library.records import Asset, Job
from studio.library.review import labels_for_another
from studio.protocol import Request
from studio.ui.shell.job_watch import JobWatch
from studio.ui.shell.state import AppState
from studio.ui.style.translations import joined, translated

if TYPE_CHECKING:
    from studio.jobs.reproduce import Comparison

VARIATIONS = 4
"""Number of variations made by "More like this"."""


class Rerun(QObject):
    """Enqueues requests and reports the outcome in the message bar."""

    def __init__(
        self, state: AppState, show_both: Callable[[list[Asset]], object], parent: QObject
    ) -> None:
        super().__init__(parent)
        self._state = state
        self._show_both = show_both

    def more_like(self, asset: Asset) -> None:
        """Enqueue variations of the request with new seeds, and show the job in its tab."""
        request = asset.recipe.request.with_values(seed=None, count=VARIATIONS)
        token = self._state.submit([request], labels=[_labels(asset)])
        watch = JobWatch(self._state, self, token=token)
        watch.enqueued.connect(lambda jobs: self._show(watch, jobs[0]))
        self._state.show_message(
            self.tr("{n} variations with new seeds are in the queue.").format(n=VARIATIONS),
            "info",
        )

    def reproduce(self, asset: Asset) -> None:
        """Run the recipe again and report whether the result is identical."""
        from studio.jobs.reproduce import REPRODUCES_LABEL, reproduce_request

        library = self._state.library
        if library is None:
            return

        def submit(request: Request) -> None:
            labels = _labels(asset) | {REPRODUCES_LABEL: asset.id}
            token = self._state.submit([request], labels=[labels])
            watch = JobWatch(self._state, self, token=token)
            watch.saved.connect(lambda made: self._compare(watch, asset, made))
            self._state.show_message(
                self.tr(
                    "The recipe runs again. A message will say whether the result is the same."
                ),
                "info",
            )

        # A model that was renamed is found by its hash, which takes a while to compute.
        self._state.background.long(
            self,
            lambda: reproduce_request(asset, library, self._state.open_registry()),
            submit,
            self._state.problem.emit,
        )

    def _show(self, watch: JobWatch, job: Job) -> None:
        watch.close()
        self._state.destinations.show_job(job)

    def _compare(self, watch: JobWatch, old: Asset, new: Asset) -> None:
        from studio.jobs.reproduce import compare

        watch.close()
        self._state.background.long(
            self,
            lambda: compare(old, new),
            partial(self._show_comparison, old, new),
            self._state.problem.emit,
        )

    def _show_comparison(self, old: Asset, new: Asset, comparison: Comparison) -> None:
        text = joined(translated(part) for part in (comparison.sentence, *comparison.notes))
        if comparison.identical or old.medium is not Medium.PICTURE:
            self._state.show_message(text, "success" if comparison.identical else "warning")
            return
        self._state.show_message(
            text, "warning", self.tr("Compare"), lambda: self._show_both([old, new])
        )


def _labels(asset: Asset) -> dict[str, str]:
    return labels_for_another(asset.review, asset.recipe.labels)
