"""Give the readers new inputs for some minutes: `python -m tests.fuzz.run --minutes 20 [READER]`.

READER is a part of a test's name or module, such as `tables`. What is found does not end it: each
kind of finding is listed at the end with how often it was met, and an input for each is kept
(`--keep FOLDER`). The exit status is 1 where something was found that is not known.
"""

from __future__ import annotations

import argparse
import os
import secrets
import tempfile
import time
from pathlib import Path

import pytest

from tests.fuzz import bounds
from tests.fuzz.inputs import ON_DEMAND


def main() -> int:
    """Run rounds until the time is over. Returns the exit status."""
    parser = argparse.ArgumentParser(description="Give the readers new inputs.")
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--keep", type=Path, default=Path("fuzz-findings"))
    parser.add_argument("reader", nargs="?", default="")
    options = parser.parse_args()
    os.environ.setdefault(ON_DEMAND, "100")
    os.environ[bounds.FINDINGS] = str(options.keep.absolute())
    _keep_files_in_memory()
    end = time.monotonic() + 60 * options.minutes
    rounds, failed = 0, False
    while rounds == 0 or time.monotonic() < end:
        seed = secrets.randbelow(2**32)
        arguments = ["-q", "--no-header", f"--hypothesis-seed={seed}", "-W", "ignore"]
        if options.reader:
            arguments += ["-k", options.reader]
        status = pytest.main([*arguments, str(Path(__file__).parent)])
        failed |= status != pytest.ExitCode.OK
        rounds += 1
    print(f"\n{sum(bounds.inputs.values()):,} inputs in {rounds} rounds:")
    for reader, count in sorted(bounds.inputs.items()):
        print(f"  {count:>9,}  {reader}")
    for title, seen in (("Known faults met", bounds.known_seen), ("FOUND", bounds.found)):
        print(f"{title}: {sum(seen.values()):,} of {len(seen)} kinds")
        for kind, count in seen.most_common():
            print(f"  {count:>9,}  {kind}")
    return 1 if failed or bounds.found else 0


def _keep_files_in_memory() -> None:
    """Put temporary files into memory where there is such a place: the disk is the slowest part."""
    memory = Path("/dev/shm")
    if memory.is_dir() and os.access(memory, os.W_OK):
        os.environ["TMPDIR"] = str(memory)
        tempfile.tempdir = None


if __name__ == "__main__":
    raise SystemExit(main())
