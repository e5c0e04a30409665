"""`studio library reproduce`: reproduce a result and compare it with the first one."""

from __future__ import annotations

import argparse
import json
import sys

import msgspec

from studio.cli.exit_status import DONE, SOME_FAILED
from studio.cli.folders import output_folder
from studio.cli.headless import Headless
from studio.cli.language import translated
from studio.jobs.lanes import JobList
from studio.jobs.reproduce import REPRODUCES_LABEL, Comparison, compare, reproduce_request
from studio.jobs.runner import AssetSaved, JobChanged
from studio.library.records import Asset
from studio.library.review import labels_for_another
from studio.library.store import Library
from studio.models.registry import Registry
from studio.protocol import ProblemError
from studio.settings import default_paths


def reproduce(library: Library, old: Asset, options: argparse.Namespace) -> int:
    """Run the recipe of `old` again and compare. Closes the library.

    Returns 0 if the new result is identical, 1 if it differs or the job failed. Raises
    `ProblemError` if the result cannot be reproduced.
    """
    paths = default_paths()
    registry = Registry(paths)
    request = reproduce_request(old, library, registry)
    jobs = library.queue.enqueue(
        [request],
        output=output_folder(options.output),
        labels={
            **labels_for_another(old.review, old.recipe.labels),
            REPRODUCES_LABEL: old.id,
        },
        claim=True,
    )
    comparer = _Comparer(old, as_json=options.json)
    with Headless(library, paths, registry, as_json=options.json) as headless:
        status = headless.run(JobList(jobs), comparer.on_event)
    if status != DONE:
        return status
    comparison = comparer.comparison
    return DONE if comparison is not None and comparison.identical else SOME_FAILED


class _Comparer:
    """Compares the new result once its job is done, and prints the outcome."""

    def __init__(self, old: Asset, *, as_json: bool) -> None:
        self._old = old
        self._as_json = as_json
        self._new: Asset | None = None
        self.comparison: Comparison | None = None

    def on_event(self, event: object) -> None:
        match event:
            case AssetSaved():
                self._new = event.asset
            case JobChanged() if event.job.status == "done" and self._new is not None:
                self._compare(self._new)

    def _compare(self, new: Asset) -> None:
        try:
            self.comparison = compare(self._old, new)
        except ProblemError as error:
            print(f"studio library reproduce: {translated(error.problem.message)}", file=sys.stderr)
            return
        if self._as_json:
            print(json.dumps(_fields(self._old, new, self.comparison), ensure_ascii=False))
            return
        for message in (self.comparison.sentence, *self.comparison.notes):
            print(translated(message))


def _fields(old: Asset, new: Asset, found: Comparison) -> dict[str, object]:
    fields: dict[str, object] = {
        "event": "comparison",
        "job": new.job,
        "reproduces": old.id,
        "asset": new.id,
        "identical": found.identical,
        "message": str(found.sentence),
        "notes": [str(note) for note in found.notes],
    }
    if found.picture is not None:
        fields |= msgspec.structs.asdict(found.picture)
    else:
        fields |= {"position": found.position, "before": found.before, "after": found.after}
    return fields
