"""Kill every operation at every point: `python -m tests.crash.run [OPERATION]`.

With `--random 200`, real processes are killed at random moments instead (`random_kills.py`). The
exit status is 1 where the checker found a contradiction that is not known.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.crash.killing import Template, known_reason
from tests.crash.operations import OPERATIONS


def main() -> int:
    """Visit the points. Returns the exit status."""
    parser = argparse.ArgumentParser(description="Kill every operation at every point.")
    parser.add_argument("operation", nargs="?", default="")
    parser.add_argument("--steps", action="store_true", help="list the points, kill nothing")
    parser.add_argument("--random", type=int, default=0, metavar="N", help="random kills instead")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    if options.random:
        from tests.crash import random_kills

        return random_kills.run(options.random, options.seed)
    news: Counter[str] = Counter()
    known: Counter[str] = Counter()
    visited = content = 0
    began = time.monotonic()
    for operation in OPERATIONS:
        if options.operation not in operation.name:
            continue
        with tempfile.TemporaryDirectory() as place:
            template = Template(operation, Path(place))
            steps = template.points()
            print(f"{operation.name}: {len(steps)} points", flush=True)
            if options.steps:
                print(*(f"  {n:4} {step}" for n, step in enumerate(steps)), sep="\n")
                continue
            for point, step in enumerate(steps):
                wrong = template.visit(point)
                visited += 1
                content += not wrong
                for said in wrong:
                    kind = f"{operation.name}: {said.partition(':')[0]}"
                    reason = known_reason(operation.name, said)
                    (news if reason is None else known)[reason or kind] += 1
                    if reason is None:
                        print(f"  {point} in front of {step}: {said}", flush=True)
    print(f"\n{visited} points in {time.monotonic() - began:.0f} s, {content} without a fault")
    for title, seen in (("Known faults met", known), ("FOUND", news)):
        print(f"{title}: {sum(seen.values())} of {len(seen)} kinds")
        for kind, count in seen.most_common():
            print(f"  {count:5}  {kind}")
    return 1 if news else 0


if __name__ == "__main__":
    raise SystemExit(main())
