"""The menus of the queue dock."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu

from studio.kinds.registry import kind_if_known
from studio.library.records import Job
from studio.protocol import JobStatus
from studio.ui.queue.queue_actions import QueueActions
from studio.ui.style.icons import icon
from studio.ui.style.translations import tr


def fill_menu(
    menu: QMenu,
    actions: QueueActions,
    chosen: Sequence[Job],
    use: Callable[[Job], object],
    step: Callable[[int], object],
) -> None:
    """Add the actions for the selected jobs.

    `use` shows the settings of a job; `step` moves the selected jobs up (−1) or down (1).
    """

    def add(icon_name: str, text: str, name: str, act: Callable[[], object]) -> QAction:
        action = menu.addAction(icon(icon_name), text, act)
        action.setObjectName(f"queue.menu.{name}")
        return action

    def of(*statuses: JobStatus) -> list[Job]:
        return [job for job in chosen if job.status in statuses]

    if waiting := of("queued"):
        add("arrow-up-to-line", tr("Run next"), "next", lambda: actions.run_next(waiting))
        add("arrow-up", tr("Move up") + "\tAlt+Up", "up", lambda: step(-1))
        add("arrow-down", tr("Move down") + "\tAlt+Down", "down", lambda: step(1))
        menu.addSeparator()
    if interrupted := of("interrupted"):
        add("circle-play", tr("Resume"), "resume", lambda: actions.resume(interrupted))
    if unfinished := of("failed", "cancelled", "interrupted"):
        add("refresh-cw", tr("Retry"), "retry", lambda: actions.retry(unfinished))
    add("copy-plus", tr("Duplicate"), "duplicate", lambda: actions.duplicate(chosen))
    if len(chosen) == 1:
        job = chosen[0]
        action = add("sliders-horizontal", tr("Use these settings"), "use", lambda: use(job))
        action.setEnabled(kind_if_known(job.request) is not None)
    menu.addSeparator()
    if active := of("queued", "running"):
        add("circle-x", tr("Cancel") + "\tDel", "cancel", lambda: actions.cancel(active))
    if ended := of("done", "failed", "cancelled", "interrupted"):
        add("x", tr("Remove from list"), "remove", lambda: actions.remove(ended))


def fill_more(menu: QMenu, actions: QueueActions, counts: Mapping[JobStatus, int]) -> None:
    """Add the actions on the whole queue. `counts` are the numbers of jobs by status."""

    def add(
        icon_name: str, text: str, name: str, act: Callable[[], object], *of: JobStatus
    ) -> QAction:
        action = menu.addAction(icon(icon_name), text, act)
        action.setObjectName(f"queue.{name}")
        action.setEnabled(any(counts.get(status, 0) for status in of))
        return action

    add(
        "list-x",
        tr("Cancel all waiting jobs"),
        "cancel_waiting",
        actions.cancel_waiting,
        "queued",
    )
    add("circle-x", tr("Cancel all"), "cancel_all", actions.cancel_all, "queued", "running")
    menu.addSeparator()
    add("refresh-cw", tr("Retry all failed jobs"), "retry_failed", actions.retry_failed, "failed")
    add(
        "circle-play",
        tr("Resume all interrupted jobs"),
        "resume_all",
        actions.resume_all,
        "interrupted",
    )
    menu.addSeparator()
    add(
        "brush-cleaning",
        tr("Clear finished"),
        "clear",
        actions.clear_ended,
        "done",
        "failed",
        "cancelled",
    )
