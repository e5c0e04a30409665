"""Errors of the video library that come from the disk."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def disk_errors() -> Iterator[None]:
    """Turn errors of the video library that come from the disk into those of Python."""
    import av

    try:
        yield
    except av.error.FFmpegError as error:
        if isinstance(error, OSError) or not error.errno:
            raise
        if error.errno in (errno.ENOSPC, errno.EIO, errno.EROFS, errno.EDQUOT):
            raise OSError(error.errno, os.strerror(error.errno)) from error
        raise
