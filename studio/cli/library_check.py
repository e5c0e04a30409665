"""`studio library check`: find contradictions in the library."""

from __future__ import annotations

import json
import sys

from studio.cli.exit_status import DONE, SOME_FAILED
from studio.cli.language import tr, translated
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
        print(translated(one.message))
    mended = sum(one.is_mended_by_rebuild for one in found)
    if not found:
        print(tr("The index, the files, the marks, the trash and the queue agree."))
    elif mended:
        text = tr(
            "{count} of {total} would be mended by: {command}",
            count=mended,
            total=len(found),
            command="studio library rebuild",
        )
        print(text, file=sys.stderr)
    else:
        print(tr("studio library rebuild would mend none of this."), file=sys.stderr)
    return SOME_FAILED if found else DONE
