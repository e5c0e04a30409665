"""`make bench`: every speed target, measured side by side, as one table.

`python -m tests.benchmarks.run [NAME…] [--rounds N]` runs some of them. The table goes to
standard output, all figures to `benchmarks.json`.
"""

from __future__ import annotations

import argparse
import sys
import traceback
from collections.abc import Callable

from tests.benchmarks import (
    cancel,
    download,
    environment,
    estimates,
    history,
    language,
    large_picture,
    library,
    overhead,
    speech,
    start_up,
    transcribe,
    video,
)
from tests.benchmarks.headless_app import ROOT
from tests.benchmarks.table import Row, save, show


def benchmarks(rounds: int) -> dict[str, Callable[[], list[Row]]]:
    """Return the benchmarks by name, in the order they run."""
    return {
        "start": lambda: [start_up.start_up(max(rounds, 7))],
        "loop": lambda: [start_up.event_loop()],
        "text": lambda: [overhead.text(rounds)],
        "image": lambda: [overhead.image(rounds)],
        "upscale": lambda: [overhead.upscale(rounds)],
        "speech": lambda: speech.speech(rounds),
        "transcribe": lambda: transcribe.transcribe(rounds),
        "video": lambda: [*video.fidelity(), *video.pace(max(2, rounds // 2))],
        "video_memory": video.memory,
        "video_resumed": lambda: video.resumed(max(3, rounds // 2)),
        "variations": lambda: [overhead.variations(max(2, rounds // 2))],
        "together": lambda: [overhead.together(max(1, rounds // 3))],
        "language": lambda: language.large_model(rounds),
        "first_token": lambda: [language.first_token(max(2, rounds // 2))],
        "turns": lambda: [language.turns()],
        "load": lambda: [language.load(rounds)],
        "estimates": estimates.second_job,
        "cancel": cancel.states,
        "tiles": lambda: [large_picture.tiles()],
        "large": lambda: [large_picture.twelve_megapixels()],
        "history": lambda: history.window(max(rounds, 5)),
        "search": lambda: [library.search()],
        "enqueue": lambda: [history.enqueue()],
        "record": lambda: [library.record()],
        "rebuild": lambda: [library.rebuild()],
        "download": lambda: [download.large_file(rounds)],
        "soak": lambda: [library.soak()],
        "environment": lambda: environment.settings(rounds),
    }


def main() -> int:
    """Run the benchmarks asked for; return 1 where a target was missed."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    names = ", ".join(benchmarks(1))
    parser.add_argument("names", nargs="*", help=f"which ones; all without a name: {names}")
    parser.add_argument("--rounds", type=int, default=5, help="pairs of measurements (5)")
    arguments = parser.parse_args()
    known = benchmarks(arguments.rounds)
    unknown = set(arguments.names) - set(known)
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    rows: list[Row] = []
    for name in arguments.names or known:
        print(f"… {name}", file=sys.stderr, flush=True)
        try:
            rows += known[name]()
        except Exception as error:
            traceback.print_exc()
            rows.append(Row(name, "", f"could not be measured: {error}", False))
        save(rows, ROOT / "benchmarks.json")
    print(show(rows))
    return int(any(row.met is False for row in rows))


if __name__ == "__main__":
    sys.exit(main())
