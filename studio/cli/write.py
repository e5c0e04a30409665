"""`studio write`: list or fill forms, or check a text against the brief it was written from."""

from __future__ import annotations

import argparse
import sys

import msgspec

from studio.cli.exit_status import DONE, SOME_FAILED
from studio.cli.folders import library_folder
from studio.cli.form_list import print_forms
from studio.cli.language import tr, translated
from studio.cli.terminal import visible
from studio.cli.write_form import write_form
from studio.formats.text_encoding import decode
from studio.formats.untrusted_files import printable, read_start, user_path
from studio.protocol import problem
from studio.settings import default_paths
from studio.writing.facts.compare import check_facts
from studio.writing.facts.findings import Finding

MAX_CHARACTERS = 200_000
_MAX_BYTES = 4 * MAX_CHARACTERS


class _Line(msgspec.Struct, frozen=True):
    """A finding as scripts read it; positions count characters."""

    kind: str
    text: str
    message: str
    start: int
    end: int


def write(options: argparse.Namespace) -> int:
    """Run what the options ask for and return the exit status. Raises `ProblemError`."""
    if options.list:
        return print_forms(library_folder(default_paths()), as_json=options.json)
    if options.form:
        return write_form(options)
    return _check(options)


def _check(options: argparse.Namespace) -> int:
    """Print a line for each fact of the draft that its brief does not say.

    Return 0 if there is none, 1 otherwise. Raises `ProblemError` if a file cannot be read.
    """
    if not options.brief:
        raise problem("bad_input", "--check needs the brief. Give it with --brief.")
    brief, draft = _text_of(options.brief), _text_of(options.check)
    checked = check_facts(brief, draft)
    for finding in checked.findings:
        print(_as_json(finding) if options.json else _as_line(finding, draft))
    for remark in checked.not_judged:
        print(translated(remark), file=sys.stderr)
    return SOME_FAILED if checked.findings else DONE


def _as_json(finding: Finding) -> str:
    line = _Line(finding.kind, finding.text, str(finding.message), finding.start, finding.end)
    return msgspec.json.encode(line).decode()


def _as_line(finding: Finding, draft: str) -> str:
    line = draft.count("\n", 0, finding.start) + 1
    text = f"{finding.text}: {translated(finding.message)}"
    return visible(tr("line {line}: {message}", line=line, message=text))


def _text_of(file: str) -> str:
    path = user_path(file)
    try:
        data = read_start(path, _MAX_BYTES + 1)
    except OSError as error:
        raise problem(
            "bad_input",
            "{path} cannot be read ({reason}).",
            str(error),
            path=printable(str(path)),
            reason=error.strerror or str(error),
        ) from error
    decoded = decode(data)
    if decoded is None:
        raise problem("bad_input", "{path} is not a text file.", path=printable(str(path)))
    if len(data) > _MAX_BYTES or len(decoded.text) > MAX_CHARACTERS:
        raise problem(
            "bad_input",
            "{path} is longer than {most} characters. Check it in parts.",
            path=printable(str(path)),
            most=f"{MAX_CHARACTERS:,}",
        )
    return decoded.text
