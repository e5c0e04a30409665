"""A database that another process has open is not set aside under it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from studio.kinds.text import TextRequest
from studio.library.index.database import FILE_NAME
from studio.library.index.file_identity import is_open_elsewhere
from studio.library.store import Library
from studio.protocol import ProblemError
from tests.unit.conftest import enqueue, record

_HOLD = """
import sys
from pathlib import Path
from studio.kinds.text import TextRequest
from studio.library.store import Library
library = Library.open(Path(sys.argv[1]), run_queue=False)
print("open", flush=True)
sys.stdin.readline()
library.queue.enqueue([TextRequest(prompt="from the other process", seed=1)])
library.close()
"""


@contextmanager
def _held_by_another_process(root: Path) -> Iterator[None]:
    with subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        assert process.stdout.readline().strip() == b"open"
        yield
        process.stdin.close()
        assert process.wait() == 0


@pytest.fixture
def root(tmp_path: Path) -> Path:
    library = Library.open(tmp_path / "library")
    record(library, enqueue(library), 0)
    library.close()
    return library.root


def test_a_damaged_database_is_set_aside_when_no_other_process_has_it_open(root: Path) -> None:
    with _held_by_another_process(root):
        assert is_open_elsewhere(root / FILE_NAME)
        data = (root / FILE_NAME).read_bytes()
        place = data.index(b"CREATE TABLE")
        with (root / FILE_NAME).open("r+b") as file:
            file.seek(place)
            file.write(b"XREATE")
        with pytest.raises(ProblemError) as caught:
            Library.open(root)
        assert "another program has the library open" in str(caught.value.problem.message)
        assert not list(root.glob("library.damaged-*"))
    assert not is_open_elsewhere(root / FILE_NAME)
    library = Library.open(root)
    try:
        assert library.notice is not None
        prompts = [
            job.request.prompt
            for job in library.queue.list()
            if isinstance(job.request, TextRequest)
        ]
        assert "from the other process" in prompts
        assert library.assets.count() == 1
    finally:
        library.close()


def test_nothing_is_written_into_a_database_that_was_replaced(root: Path) -> None:
    library = Library.open(root)
    try:
        (root / FILE_NAME).unlink()
        with pytest.raises(ProblemError) as caught:
            library.queue.enqueue([TextRequest(prompt="a fox", seed=1)])
        assert "replaced or deleted" in str(caught.value.problem.message)
    finally:
        library.close()
