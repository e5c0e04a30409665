"""The user's language. English is in the code; other languages are one flat JSON file each."""

from __future__ import annotations

import json
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QLibraryInfo, QLocale, QObject, QTranslator
from PySide6.QtWidgets import QApplication

from studio.settings import RESOURCES


def tr(text: str) -> str:
    """Return a text in the user's language, where there is no `QObject` whose `tr` could."""
    return QCoreApplication.translate("", text)


class JsonTranslator(QTranslator):
    """Looks English texts up in a flat JSON object {English: translation}; contexts are ignored."""

    def __init__(self, file: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
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
        # An empty text would count as a translation; only None lets the English through.
        return self._texts.get(source)


def language_in_force(chosen: str) -> str:
    """Return "en" or "zh_CN": what was chosen, or what the system speaks."""
    if chosen:
        return chosen
    return "zh_CN" if QLocale.system().name().startswith("zh") else "en"


def install(app: QApplication, chosen: str) -> None:
    """Make the app speak the chosen language; English needs nothing loaded."""
    language = language_in_force(chosen)
    if language == "en":
        QLocale.setDefault(QLocale(QLocale.Language.English))
        return
    QLocale.setDefault(QLocale(language))
    file = RESOURCES / "translations" / f"{language}.json"
    if not file.is_file():
        return
    app.installTranslator(JsonTranslator(file, app))
    own = QTranslator(app)
    folder = QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)
    if own.load(f"qtbase_{language}", folder):
        app.installTranslator(own)
