"""Copy a file or folder whole, then delete of the original exactly what was copied.

Written by hand because `shutil.move` deletes what another process put there in the meantime, and
leaves relative links dangling.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path

from msgspec import Struct

from studio.formats.untrusted_files import is_file
from studio.protocol import ProblemError, problem

_BLOCK = 8 * 2**20


class Copied(Struct, frozen=True):
    """A file or link that was copied, and what it was before (`os.lstat`)."""

    source: Path
    target: Path
    size: int
    modified: int
    inode: int


class Tree(Struct):
    """What was copied of `source`, a file or folder, and the folders that were made for it."""

    source: Path
    target: Path
    copied: list[Copied]
    made: list[Path]

    @classmethod
    def start(cls, source: Path, target: Path) -> Tree:
        """Return a tree of which nothing is copied yet."""
        return cls(source, target, [], [])


def tree_size(source: Path) -> int:
    """Return the bytes of a file, or of all in a folder; one of several names counts once."""
    sizes: dict[tuple[int, int], int] = {}
    if is_file(source):
        return source.stat().st_size
    for parent, _, names in os.walk(source):
        for name in names:
            with contextlib.suppress(OSError):
                status = Path(parent, name).lstat()
                if stat.S_ISREG(status.st_mode):
                    sizes[status.st_dev, status.st_ino] = status.st_size
    return sum(sizes.values())


def copy_tree(
    tree: Tree,
    progress: Callable[[int], None],
    check: Callable[[], None],
    leave: Collection[str] = (),
) -> None:
    """Copy all files, links and folders. On one disk, the copies are hard links.

    Pipes and devices, and the names `leave` at the top, stay where they are. A copy that is there
    already, from an attempt that was killed, is kept; anything else that is there is an error, and
    links below the target are not followed. Links to files of the folder lead to their copies.
    `progress` is called with the bytes copied; `check` may raise. Raises `OSError`, and
    `ProblemError` for what is in the way.
    """
    if is_file(tree.source):
        status = tree.source.stat()
        _copy(tree.source, tree.target, progress, check)
        tree.copied.append(_known(tree.source, tree.target, status))
        return
    done = 0
    names_of: dict[tuple[int, int], Path] = {}
    for parent, folders, files in os.walk(tree.source, onerror=_raise):
        here = Path(parent)
        there = tree.target / here.relative_to(tree.source)
        at_top = here == tree.source
        if there.is_symlink() and not at_top:
            raise _in_the_way(there)
        if not there.is_dir():
            # Not those above it: if they are gone, so is their disk.
            there.mkdir(mode=0o700, exist_ok=True)
            tree.made.append(there)
        for name in sorted([*files, *(n for n in folders if (here / n).is_symlink())]):
            if at_top and name in leave:
                continue
            source, target = here / name, there / name
            status = source.lstat()
            if stat.S_ISLNK(status.st_mode):
                _copy_link(target, _relinked(source, tree))
            elif stat.S_ISREG(status.st_mode):
                first = names_of.setdefault((status.st_dev, status.st_ino), target)
                origin = first if first != target else source
                if not _is_copy(target, status):
                    _copy(origin, target, partial(_report, progress, done), check)
                done += status.st_size if first == target else 0
                progress(done)
            else:
                continue
            tree.copied.append(_known(source, target, status))
        if at_top:
            folders[:] = [name for name in folders if name not in leave]


def delete_originals(tree: Tree) -> None:
    """Delete the originals that are still as they were copied, and folders that are empty then."""
    for known in tree.copied:
        with contextlib.suppress(OSError):
            now = known.source.lstat()
            if (now.st_size, now.st_mtime_ns, now.st_ino) == (
                known.size,
                known.modified,
                known.inode,
            ):
                known.source.unlink()
    for parent, _, _ in os.walk(tree.source, topdown=False):
        with contextlib.suppress(OSError):
            Path(parent).rmdir()


def delete_copies(tree: Tree) -> None:
    """Delete what was copied, and the folders that were made if they are empty then."""
    for known in tree.copied:
        with contextlib.suppress(OSError):
            known.target.unlink()
    for folder in reversed(tree.made):
        with contextlib.suppress(OSError):
            folder.rmdir()


def _known(source: Path, target: Path, status: os.stat_result) -> Copied:
    return Copied(source, target, status.st_size, status.st_mtime_ns, status.st_ino)


def _copy_link(target: Path, text: str) -> None:
    if not os.path.lexists(target):
        target.symlink_to(text)
    elif not target.is_symlink() or target.readlink() != Path(text):
        raise _in_the_way(target)


def _in_the_way(path: Path) -> ProblemError:
    return problem("bad_input", "There is a file or folder of this name already: {path}", path=path)


def _copy(
    source: Path, target: Path, progress: Callable[[int], None], check: Callable[[], None]
) -> None:
    if os.path.lexists(target):
        raise _in_the_way(target)
    check()
    part = target.with_name(f".{target.name[:40]}.{os.getpid()}-{os.urandom(4).hex()}.tmp")
    try:
        try:
            os.link(source, part)
        except OSError:  # another disk, or one without hard links
            _copy_bytes(source, part, progress, check)
        part.replace(target)
    finally:
        with contextlib.suppress(OSError):
            part.unlink()


def _copy_bytes(
    source: Path, part: Path, progress: Callable[[int], None], check: Callable[[], None]
) -> None:
    done = 0
    with source.open("rb") as reading, part.open("xb") as writing:
        before = os.fstat(reading.fileno())
        while block := reading.read(_BLOCK):
            check()
            writing.write(block)
            done += len(block)
            progress(done)
        writing.flush()
        os.fsync(writing.fileno())
    shutil.copystat(source, part)
    if done != before.st_size:
        raise OSError(errno.EIO, "the file changed while it was copied", str(source))


def _is_copy(target: Path, status: os.stat_result) -> bool:
    try:
        there = target.lstat()
    except OSError:
        return False
    is_link = (there.st_dev, there.st_ino) == (status.st_dev, status.st_ino)
    is_alike = stat.S_ISREG(there.st_mode) and there.st_size == status.st_size
    return is_link or (is_alike and there.st_mtime_ns == status.st_mtime_ns)


def _relinked(link: Path, tree: Tree) -> str:
    """Return the text of the copy of a link."""
    text = link.readlink()
    leads_to = Path(os.path.normpath(link.parent / text))
    if leads_to.is_relative_to(tree.source):
        return str(text) if not text.is_absolute() else os.path.relpath(leads_to, link.parent)
    return str(leads_to)


def _report(progress: Callable[[int], None], before: int, done: int) -> None:
    progress(before + done)


def _raise(error: OSError) -> None:
    raise error
