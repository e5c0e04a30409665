"""`studio library check`: find contradictions in the library."""

from __future__ import annotations

import json
import sys

from studio.cli.exit_status import DONE, SOME_FAILED
from studio.library.store import Library


def check(opened: Library, *, as_json: bool) -> int:
    """Print what is wrong and how to mend it. Returns the exit status."""
    found = opened.check()
    if as_json:
        for one in found:
            fields = {
                "kind": one.kind,
                "subject": one.subject,
                "message": str(one.message),
                "mended_by_rebuild": one.is_mended_by_rebuild,
            }
            print(json.dumps(fields, ensure_ascii=False))
        return SOME_FAILED if found else DONE
    for one in found:
        print(one.message)
    mended = sum(one.is_mended_by_rebuild for one in found)
    if not found:
        print("The index, the files, the marks, the trash and the queue agree.")
    elif mended:
        print(
            f"{mended} of {len(found)} would be mended by: studio library rebuild", file=sys.stderr
        )
    else:
        print("studio library rebuild would mend none of this.", file=sys.stderr)
    return SOME_FAILED if found else DONE
