"""The forms and brands that there are: those of the app, and those in the library's folders.

Forms lie in `templates/<language>/<name>.toml`, or in `templates/<name>.toml`; brands in
`brands/<name>.toml`. Files that cannot be used are listed with the reason; the others load.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from msgspec import Struct

from studio.formats.untrusted_files import entries_of, is_file, is_folder, is_unicode
from studio.protocol import problem, sentence
from studio.writing.forms.brand import FOLDER, Brand, read_brand
from studio.writing.forms.form import Form
from studio.writing.forms.form_file import read_form
from studio.writing.forms.toml_file import BrokenFile

TEMPLATES = "templates"
"""The folder of the app's resources, and of the library."""

MAX_FILES = 500
"""In each folder."""

T = TypeVar("T")


class FoundForm(Struct, frozen=True):
    """A form with its name and language. `is_own` says that it is from the library."""

    name: str
    language: str
    form: Form
    path: Path
    is_own: bool = False

    @property
    def id(self) -> str:
        """Language and name, which are unique among those of the app, and among one's own."""
        return f"{self.language}/{self.name}" if self.language else self.name


class Forms(Struct, frozen=True):
    """All forms, one's own first, and the files that cannot be used."""

    forms: tuple[FoundForm, ...]
    broken: tuple[BrokenFile, ...]


class Brands(Struct, frozen=True):
    """The brands by the names of their files, and the files that cannot be used."""

    brands: dict[str, Brand]
    broken: tuple[BrokenFile, ...]


def list_forms(resources: Path, library: Path | None) -> Forms:
    """Return the forms of the app and of a library."""
    found: list[FoundForm] = []
    broken: list[BrokenFile] = []
    for root, is_own in ((library, True), (resources, False)):
        if root is None or not is_folder(root / TEMPLATES):
            continue
        folder = root / TEMPLATES
        for place in (folder, *(entry for entry in entries_of(folder) if is_folder(entry))):
            language = "" if place == folder else place.name
            for path, form in _read_all(place, read_form, broken):
                found.append(FoundForm(path.stem, language, form, path, is_own))
    return Forms(tuple(found), tuple(broken))


def list_brands(library: Path) -> Brands:
    """Return the brands of a library."""
    broken: list[BrokenFile] = []
    found = {path.stem: brand for path, brand in _read_all(library / FOLDER, read_brand, broken)}
    return Brands(found, tuple(broken))


def find_form(forms: Forms, name: str, languages: Iterable[str]) -> FoundForm:
    """Return a form by its name or by language and name; one's own is preferred.

    Of several languages, the first of `languages` is. Raises `ProblemError` (bad_input).
    """
    wanted = list(languages)
    matching = [each for each in forms.forms if name in (each.id, each.name)]
    if matching:
        order = {language: place for place, language in enumerate(wanted)}
        return min(
            matching, key=lambda each: (not each.is_own, order.get(each.language, len(order)))
        )
    for each in forms.broken:
        if each.path.stem == name.rpartition("/")[2]:
            raise problem(
                "bad_input",
                "The form {path} cannot be used. Line {line}: {message}",
                path=each.path,
                line=each.line,
                message=each.message,
            )
    raise problem(
        "bad_input",
        "There is no form named {name}. `studio write --list` shows them.",
        name=name[:100],
    )


def find_brand(brands: Brands, name: str) -> Brand:
    """Return a brand by the name of its file. Raises `ProblemError` (bad_input)."""
    if name in brands.brands:
        return brands.brands[name]
    for each in brands.broken:
        if each.path.stem == name:
            raise problem(
                "bad_input",
                "The brand {path} cannot be used. Line {line}: {message}",
                path=each.path,
                line=each.line,
                message=each.message,
            )
    raise problem(
        "bad_input",
        "There is no brand named {name}. Brands are files in the folder {folder} of the library.",
        name=name[:100],
        folder=FOLDER,
    )


def _read_all(
    folder: Path, read: Callable[[Path], T | BrokenFile], broken: list[BrokenFile]
) -> list[tuple[Path, T]]:
    found: list[tuple[Path, T]] = []
    files = [path for path in entries_of(folder) if path.suffix.lower() == ".toml"]
    for path in files[:MAX_FILES]:
        if not is_unicode(path) or not is_file(path):
            continue
        value = read(path)
        if isinstance(value, BrokenFile):
            broken.append(value)
        else:
            found.append((path, value))
    if len(files) > MAX_FILES:
        message = sentence("There are more than {most} files. The others are left out.", most=500)
        broken.append(BrokenFile(folder, 0, message))
    return found
