"""Limits of this process, where the system has them."""

from __future__ import annotations

import sys


def address_space_limit() -> int | None:
    """Return the bytes of address space that this process may use (`ulimit -v`), None without a limit.

    Asked anew each time: another process can change it.
    """
    if sys.platform == "win32":
        return None
    import resource

    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    # Some systems have a large number instead of "unlimited".
    return None if limit == resource.RLIM_INFINITY or limit >= 2**60 else limit
