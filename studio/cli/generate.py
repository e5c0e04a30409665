"""The commands of the kinds (`studio text`, …): check the call, run its jobs."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from studio.cli.exit_status import DONE, SOME_FAILED, USAGE_ERROR
from studio.cli.folders import library_folder, output_folder
from studio.cli.headless import Headless
from studio.cli.language import tr, translated
from studio.cli.output import print_usage_error
from studio.cli.request_options import requests_of
from studio.formats.untrusted_files import printable
from studio.jobs.lanes import JobList
from studio.jobs.runner import AssetSaved
from studio.kinds.kind import Medium
from studio.kinds.registry import kinds
from studio.kinds.sources import meter, sources_of
from studio.library.recipes.subtitles import write_subtitles
from studio.library.store import Library
from studio.models.registry import Registry
from studio.protocol import ProblemError, Request, problem
from studio.settings import default_paths


def generate(options: argparse.Namespace) -> int:
    """Run the jobs of one call and return the exit status."""
    paths = default_paths()
    registry = Registry(paths)
    kind = kinds()[options.command]
    left_out: list[Path] = []

    def leave_out(file: Path) -> None:
        left_out.append(file)
        print(
            f"studio {options.command}: "
            + tr(
                "{file} is left out: its name is not valid UTF-8. Rename it.",
                file=printable(str(file)),
            ),
            file=sys.stderr,
        )

    try:
        requests = requests_of(options, kind, leave_out)
        for request in requests:
            registry.resolve_all(request)
        requests = _with_documents(requests, options, registry)
        output = output_folder(options.output)
        if getattr(options, "subtitles", "") and not output:
            raise problem(
                "bad_input",
                "{option} needs a folder to write to. Give one with -o.",
                option="--format" if kind.medium is Medium.TEXT else "--subtitles",
            )
        library = Library.open(library_folder(paths), run_queue=False)
    except ProblemError as error:
        return _refused(options, error)
    # Statements get their numbers when an answer is whole.
    is_plain = not any(sources_of(request) for request in requests)
    single = (
        kind.medium is Medium.TEXT and len(requests) == 1 and requests[0].count == 1 and is_plain
    )
    headless = Headless(library, paths, registry, as_json=options.json, stream_text=single)
    with headless:
        try:
            jobs = library.queue.enqueue(requests, output=output, claim=True)
        except ProblemError as error:
            return _refused(options, error)
        sounds: dict[Path, str] = {}

        def note(event: object) -> None:
            if isinstance(event, AssetSaved):
                sounds[event.asset.path] = event.asset.review_state

        status = headless.run(JobList(jobs), note)
        subtitles = getattr(options, "subtitles", "")
        if subtitles and sounds:
            try:
                write_subtitles(sounds, Path(output), subtitles)
            except ProblemError as error:
                message = translated(error.problem.message)
                print(f"studio {options.command}: {message}", file=sys.stderr)
                status = status or SOME_FAILED
        return SOME_FAILED if status == DONE and left_out else status


def _with_documents(
    requests: Sequence[Request], options: argparse.Namespace, registry: Registry
) -> Sequence[Request]:
    """Return the requests with the passages of the documents that the call names."""
    named = [*getattr(options, "documents", ()), *getattr(options, "collections", ())]
    if not named:
        return requests
    from studio.cli.documents import folders_of, read, searching
    from studio.jobs.documents.gather import choose_for_request

    gathered = read([*options.documents, *folders_of(options.collections)])
    with searching(options) as (index, embedder):
        found = [
            choose_for_request(
                request,
                gathered.documents,
                index,
                registry.resolve_all(request)[0].context,
                embedder,
            )
            for request in requests
        ]
    for source in sources_of(found[0]):
        print(f"{source.name}: {translated(meter(source))}", file=sys.stderr)
    return found


def _refused(options: argparse.Namespace, error: ProblemError) -> int:
    found = error.problem
    print_usage_error(options.command, found.message, as_json=options.json, kind=found.kind)
    return USAGE_ERROR
