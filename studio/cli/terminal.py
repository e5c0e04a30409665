"""Standard output and error: UTF-8, and on a terminal without control characters.

Prompts, answers, file names and errors may contain sequences that a terminal obeys: they can
change its title, hide or fake lines, or write to its clipboard. On a terminal each control
character is shown as an escape such as `\\u001b`, which JSON reads back as the same character.
Files and pipes get every byte as it is.
"""

from __future__ import annotations

import io
import os
import re
import sys

# C0 and C1, but for tab and line feed, and what reverses the direction of text.
_CONTROLS = re.compile("[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\u202a-\\u202e\\u2066-\\u2069]")


def visible(text: str) -> str:
    """Return a text with its control characters as escapes."""
    if text.isascii() and text.isprintable():
        return text
    return _CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", text.replace("\r\n", "\n"))


class TerminalText(io.TextIOWrapper):
    """A text stream to a terminal that shows control characters instead of sending them."""

    def write(self, text: str, /) -> int:
        super().write(visible(text))
        return len(text)

    def return_to_start(self) -> None:
        """Move to the start of the line, to write over it."""
        super().write("\r")


def prepare_streams() -> None:
    """Make standard output and error UTF-8 and, on a terminal, safe.

    They are UTF-8 on all platforms, since scripts read the output in any language.
    """
    # Python would write its own colours in help and tracebacks.
    os.environ.setdefault("PYTHON_COLORS", "0")
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if not hasattr(stream, "reconfigure"):
            continue
        stream.reconfigure(encoding="utf-8", errors="replace", line_buffering=True)
        if stream.isatty() and not isinstance(stream, TerminalText):
            safe = TerminalText(
                stream.buffer, encoding="utf-8", errors="replace", line_buffering=True
            )
            setattr(sys, name, safe)


def write_over(text: str) -> None:
    """Write from the start of the current line of standard error."""
    if isinstance(sys.stderr, TerminalText):
        sys.stderr.return_to_start()
    else:
        sys.stderr.write("\r")
    sys.stderr.write(text)
    sys.stderr.flush()
