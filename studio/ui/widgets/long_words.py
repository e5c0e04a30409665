"""Words so long that Qt takes seconds to break their lines: 4.6 s for one of 200,000 letters."""

from __future__ import annotations

import re

from PySide6.QtGui import QTextOption
from PySide6.QtWidgets import QPlainTextEdit

LONG_WORD = 2000
"""Characters without a place to break a line, above which lines are broken anywhere."""

# Between Chinese, Japanese and Korean characters, lines can be broken quickly.
_LONG_WORD = rf"[^\s\u2e80-\u9fff\uac00-\ud7a3\uf900-\ufaff\uff00-\uffef]{{{LONG_WORD}}}"
_ANYWHERE = QTextOption.WrapMode.WrapAnywhere
_BY_WORDS = QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere


def has_long_word(text: str) -> bool:
    """Return whether lines must be broken anywhere."""
    return len(text) >= LONG_WORD and re.search(_LONG_WORD, text) is not None


def break_long_words(editor: QPlainTextEdit) -> None:
    """Break the lines of an editor anywhere while it holds such a word, whatever sets its text."""

    def changed(position: int, _removed: int, added: int) -> None:
        # This runs before the layout does.
        if added < LONG_WORD and editor.wordWrapMode() != _ANYWHERE:
            return
        document = editor.document()
        is_whole = position == 0 and added >= document.characterCount() - 1
        if has_long_word(document.toPlainText()[position : position + added]):
            editor.setWordWrapMode(_ANYWHERE)
        elif is_whole:
            editor.setWordWrapMode(_BY_WORDS)

    editor.document().contentsChange.connect(changed)
