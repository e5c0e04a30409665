"""Translations of the interface.

The code is in English; every other language is one flat JSON file {English: translation}.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QLibraryInfo, QLocale, QObject, QTranslator
from PySide6.QtWidgets import QApplication

from studio.protocol import Sentence, in_words
from studio.settings import RESOURCES


def tr(text: str) -> str:
    """Translate a text; for code outside a `QObject`, which has its own `tr`."""
    return QCoreApplication.translate("", text)


def translated(message: Sentence) -> str:
    """Translate a sentence and fill in its values, of which sentences are translated too."""
    return in_words(message, tr)


def joined(sentences: Iterable[str]) -> str:
    """Return sentences as one text, with a blank between them where the language has one."""
    text = ""
    for each in sentences:
        text = tr("{text} {sentence}").format(text=text, sentence=each) if text else each
    return text


class JsonTranslator(QTranslator):
    """Translates from a flat JSON object {English: translation}; contexts are ignored."""

    def __init__(self, file: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        import json  # not at the top: English needs none of it

        self._texts: dict[str, str] = json.loads(file.read_text(encoding="utf-8"))

    def isEmpty(self) -> bool:
        return not self._texts

    def translate(
        self,
        _context: str,
        source: str,
        _disambiguation: str | None = None,
        _n: int = -1,
    ) -> str | None:
        # Qt takes an empty string as a translation; None falls back to English.
        return self._texts.get(source)


def active_language(chosen: str) -> str:
    """Return "en" or "zh_CN": the chosen language, or else the system's."""
    if chosen:
        return chosen
    return "zh_CN" if QLocale.system().name().startswith("zh") else "en"


def install(app: QApplication, chosen: str) -> None:
    """Install the translators of the active language instead of others; English needs none."""
    if app.property("translated"):  # else there are none; the search makes all enums of `QStyle`
        for old in app.findChildren(QTranslator):
            app.removeTranslator(old)
            old.deleteLater()
    language = active_language(chosen)
    if language == "en":
        QLocale.setDefault(QLocale(QLocale.Language.English))
        return
    QLocale.setDefault(QLocale(language))
    file = RESOURCES / "translations" / f"{language}.json"
    if not file.is_file():
        return
    app.setProperty("translated", True)
    app.installTranslator(JsonTranslator(file, app))
    qt_translator = QTranslator(app)
    folder = QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)
    if qt_translator.load(f"qtbase_{language}", folder):
        app.installTranslator(qt_translator)
