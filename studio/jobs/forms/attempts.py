"""Results that fail their checks are made again, at most so many times."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from studio.jobs.forms.form_request import ATTEMPT, FormUse, attempt_of, next_attempt, use_of_labels
from studio.library.records import Asset, Job
from studio.library.store import Library
from studio.protocol import Request
from studio.writing.facts.compare import FactCheck
from studio.writing.forms.form_folders import Brands, Forms

CHECKS, FINDINGS = "checks", "findings"
"""Columns of a table of results."""

_MAX_LISTED = 50


class Checked(Struct, frozen=True):
    """A result with what was found; `again` says whether it is made again."""

    asset: Asset
    attempt: int
    found: FactCheck
    again: bool = False


class Attempts:
    """Checks the results of forms and enqueues those to be made again.

    `judge` may be called from any thread.
    """

    def __init__(
        self, library: Library, forms: Forms, brands: Brands, tries: int, options: Mapping[str, str]
    ) -> None:
        self._library = library
        self._forms = forms
        self._brands = brands
        self._tries = tries
        self._batch, self._output = options.get("batch", ""), options.get("output", "")
        self._lock = threading.Lock()
        self._checked: dict[str, Checked] = {}
        self._fresh: list[Checked] = []
        self.failed = 0
        """Results that are final and fail their checks."""

    def judge(self, asset: Asset) -> Mapping[str, str] | None:
        """Return the cells of a result in a table of results; None if it will be made again."""
        checked = self.check(asset)
        if checked.again:
            return None
        findings = checked.found.findings
        said = "; ".join(f"{each.text}: {each.message}" for each in findings[:_MAX_LISTED])
        return {CHECKS: str(len(findings)), FINDINGS: said}

    def check(self, asset: Asset) -> Checked:
        """Check a result, once."""
        with self._lock:
            known = self._checked.get(asset.id)
        if known is not None:
            return known
        use = self._use(asset)
        found = use.check(asset.text) if use is not None else FactCheck((), ())
        attempt = attempt_of(asset.recipe.labels)
        again = bool(found.findings) and attempt < self._tries
        checked = Checked(asset, attempt, found, again)
        with self._lock:
            if asset.id not in self._checked:
                self._checked[asset.id] = checked
                self._fresh.append(checked)
                self.failed += bool(found.findings) and not again
        return checked

    def take_checked(self) -> list[Checked]:
        """Return what was checked since the last call."""
        with self._lock:
            fresh, self._fresh = self._fresh, []
        return fresh

    def enqueue(self, checked: Iterable[Checked]) -> list[Job]:
        """Enqueue another attempt at each result that needs one. Raises `ProblemError`."""
        requests: list[Request] = []
        labels: list[Mapping[str, str]] = []
        for each in checked:
            use = self._use(each.asset)
            if not each.again or use is None:
                continue
            recipe = each.asset.recipe
            requests.append(next_attempt(use, recipe.request, recipe.seed, each.asset.text))
            labels.append({**recipe.labels, ATTEMPT: str(each.attempt + 1)})
        if not requests:
            return []
        return self._library.queue.enqueue(
            requests, batch=self._batch, output=self._output, labels=labels, claim=True
        )

    def checked_of(self, jobs: Sequence[Job]) -> list[Checked]:
        """Check the results that finished jobs have already."""
        assets = [asset for job in jobs for asset in self._library.assets.of_job(job.id)]
        return [self.check(asset) for asset in assets]

    def _use(self, asset: Asset) -> FormUse | None:
        return use_of_labels(asset.recipe.labels, self._forms, self._brands)
