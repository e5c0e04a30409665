"""Whether the system has killed processes because memory ran out."""

from __future__ import annotations

from pathlib import Path

_COUNTERS = Path("/proc/vmstat")
_KILLED = -9
"""Exit code of a process that SIGKILL ended, which the system sends when memory runs out."""


def memory_kills() -> int | None:
    """Return how many processes the system has killed for memory since it started.

    None where it does not say so (only Linux does, since 4.13).
    """
    try:
        for line in _COUNTERS.read_text("ascii").splitlines():
            name, _, count = line.partition(" ")
            if name == "oom_kill":
                return int(count)
    except (OSError, ValueError):
        return None
    return None


def was_killed_for_memory(exit_code: int | None, kills_before: int | None) -> bool:
    """Return whether a process was probably killed because memory ran out.

    `kills_before` is what `memory_kills` returned when it started. Where the system does not
    count, every SIGKILL is taken for one.
    """
    if exit_code != _KILLED:
        return False
    now = memory_kills()
    return now is None or kills_before is None or now > kills_before
