"""Cells of CSV files, written so that spreadsheet programs do not take text for a formula.

Opening a file with a cell such as `=cmd|…` may start programs or send data to an address. As OWASP
recommends (CSV Injection), an apostrophe is put before text that starts like a formula. Numbers
keep their sign. `unescaped` restores every cell exactly.
"""

from __future__ import annotations

import re

_FORMULA_STARTS = "=+\\-@\t\r\n＝＋－＠"
# An apostrophe that was there before gets another one, so that each cell has one meaning.
_TO_ESCAPE = re.compile(f"'*[{_FORMULA_STARTS}]")
_ESCAPED = re.compile(f"'+[{_FORMULA_STARTS}]")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")


def escaped(cell: str) -> str:
    """Return the text to write for a cell."""
    if _TO_ESCAPE.match(cell) and not _NUMBER.fullmatch(cell):
        return f"'{cell}"
    return cell


def unescaped(cell: str) -> str:
    """Return the cell for which `escaped` wrote this text."""
    return cell[1:] if _ESCAPED.match(cell) else cell
