"""A library from another computer: its waiting jobs read no files of this one unasked."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from studio.kinds.image import ImageRequest
from studio.kinds.requests import prompt_of
from studio.library.store import Library
from studio.protocol import InputFile, JobStatus
from tests.unit.conftest import png_bytes


def statuses(library: Library) -> dict[str, JobStatus]:
    return {prompt_of(job.request): job.status for job in library.queue.list()}


def add(library: Library, prompt: str, picture: Path | None) -> None:
    image = InputFile(str(picture)) if picture is not None else None
    library.queue.enqueue([ImageRequest(prompt=prompt, image=image)])


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    file = tmp_path / "private.png"
    file.write_bytes(png_bytes())
    return file


@pytest.fixture
def copied(
    tmp_path: Path, library: Library, outside: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A library with three waiting jobs, copied to another computer."""
    inside = tmp_path / "copy" / "masks" / "mask.png"
    inside.parent.mkdir(parents=True)
    inside.write_bytes(png_bytes())
    add(library, "outside", outside)
    add(library, "none", None)
    add(library, "inside", inside)
    library.close()
    shutil.copytree(library.root, tmp_path / "copy", dirs_exist_ok=True)
    monkeypatch.setenv("STUDIO_HOME", str(tmp_path / "another computer"))
    return tmp_path / "copy"


def test_its_jobs_wait_for_a_retry_where_they_read_other_files(copied: Path) -> None:
    library = Library.open(copied)
    assert statuses(library) == {"outside": "failed", "none": "queued", "inside": "queued"}
    assert library.notice is not None and "not started: 1" in str(library.notice.message)
    (held,) = library.queue.list("failed")
    assert held.problem is not None and "private.png" in str(held.problem.message)
    library.retries.retry(held.id)
    library.close()
    library = Library.open(copied)
    assert len(library.queue.waiting()) == 3 and library.notice is None
    library.close()


def test_jobs_that_are_added_here_run(copied: Path, outside: Path) -> None:
    library = Library.open(copied)
    add(library, "new", outside)
    library.close()
    library = Library.open(copied)
    assert statuses(library)["new"] == "queued"
    library.close()


def test_a_library_of_this_computer_is_known_where_it_was_copied_and_without_its_index(
    library: Library, outside: Path, tmp_path: Path
) -> None:
    add(library, "outside", outside)
    library.close()
    shutil.copytree(library.root, tmp_path / "copy")
    (tmp_path / "copy" / "library.db").unlink()
    for root in (library.root, tmp_path / "copy"):
        opened = Library.open(root)
        assert statuses(opened) == {"outside": "queued"}
        opened.close()


def test_the_users_library_of_an_earlier_version_is_known(
    outside: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    monkeypatch.setenv("STUDIO_HOME", str(home))
    library = Library.open(home / "library")
    add(library, "outside", outside)
    library.close()
    (home / "known_libraries").unlink()
    library = Library.open(home / "library")
    assert statuses(library) == {"outside": "queued"}
    library.close()
