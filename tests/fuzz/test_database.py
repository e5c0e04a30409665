"""The index of a library with bytes changed: opened, set aside or refused with a sentence."""

from __future__ import annotations

import functools
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import strategies as st

from studio.library.index.database import FILE_NAME
from studio.library.store import Library
from studio.protocol import ProblemError
from tests.fuzz.bounds import bounded
from tests.fuzz.inputs import damaged, fuzz
from tests.unit.conftest import enqueue, record

_made: list[tempfile.TemporaryDirectory[str]] = []


@functools.cache
def _whole() -> Path:
    """Return a closed library: three results, one starred, two jobs that wait."""
    _made.append(tempfile.TemporaryDirectory())
    root = Path(_made[-1].name) / "library"
    library = Library.open(root)
    assets = [record(library, enqueue(library, f"fox {n}")) for n in range(3)]
    library.marks.star([assets[1].id], True)
    for n in range(2):
        enqueue(library, f"waiting {n}")
    library.close()
    return root


@pytest.fixture(autouse=True, scope="module")
def _swept() -> object:
    yield
    _whole.cache_clear()
    while _made:
        _made.pop().cleanup()


def read(root: Path, data: bytes) -> None:
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(_whole(), root)
    (root / FILE_NAME).write_bytes(data)

    def use() -> list[Path]:
        library = Library.open(root)
        try:
            library.queue.list()
            library.trash.list()
            library.rebuild()
            return [asset.path for asset in library.assets.recent()]
        finally:
            library.close()

    def call() -> list[Path]:
        try:
            return use()
        except ProblemError:
            return use()  # what it was told to do: start again

    found = bounded("database", root.parent, call, ProblemError)
    if found is not None:
        files = sorted(root.glob("2026*/*.png"))
        bounded("database", root.parent, lambda: _same(found, files))


def _same(found: list[Path], files: list[Path]) -> None:
    assert sorted(found) == files, "results are missing after a rebuild"


def _bytes() -> bytes:
    return (_whole() / FILE_NAME).read_bytes()


@fuzz(25, data=st.deferred(lambda: damaged((_bytes(),))))
def test_a_damaged_index_is_opened_or_made_again(tmp_path: Path, data: bytes) -> None:
    read(tmp_path / "library", data)


@fuzz(
    25,
    changes=st.lists(
        st.tuples(st.integers(0, 65_535), st.integers(1, 255)), min_size=1, max_size=8
    ),
    is_head=st.booleans(),
)
def test_an_index_with_turned_bytes_is_opened_or_made_again(
    tmp_path: Path, changes: list[tuple[int, int]], is_head: bool
) -> None:
    data = bytearray(_bytes())
    for place, turned in changes:
        data[place * (100 if is_head else len(data)) // 65_536] ^= turned
    read(tmp_path / "library", bytes(data))
