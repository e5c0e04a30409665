"""Limits of this process, where the system has them."""

from __future__ import annotations

import sys


def address_space_limit() -> int | None:
    """Return the bytes of address space that this process may use, None without a limit.

    It is what `ulimit -v` sets, asked anew each time: another process can change it.
    """
    if sys.platform == "win32":
        return None
    import resource

    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    # Some systems have a large number instead of "unlimited".
    return None if limit == resource.RLIM_INFINITY or limit >= 2**60 else limit
