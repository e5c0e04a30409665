"""The files of results as they are dragged out of the window or copied for other programs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QMimeData, QUrl

from studio.kinds.kind import Medium
from studio.library.records import Asset
from studio.library.review import mark_of
from studio.ui.gallery.references import referenced_result
from studio.ui.gallery.review_states import about, marked_text
from studio.ui.shell.state import AppState
from studio.ui.style.translations import tr
from studio.ui.widgets.dropped_files import set_originals

if TYPE_CHECKING:
    from studio.library.recipes.marked_links import MarkedLinks


def outgoing_files(state: AppState, assets: Sequence[Asset]) -> QMimeData:
    """Return the files; those that are not approved have names that say so.

    Dropped on this window, they are the results themselves.
    """
    data = QMimeData()
    urls: list[QUrl] = []
    links: MarkedLinks | None = None
    for asset in assets:
        path = asset.path
        if mark_of(asset.review_state) is not None:
            if links is None:
                from studio.library.recipes.marked_links import MarkedLinks

                links = MarkedLinks(state.paths.cache)
            try:
                marked = links.file(asset.path, asset.review_state)
            except OSError:
                marked = None
            if marked is None:
                state.show_message(
                    tr(
                        "{name} cannot be given to another program under a name that says its state"
                        " of review. Use Export."
                    ).format(name=asset.path.name),
                    "warning",
                )
                continue
            path = marked
        urls.append(QUrl.fromLocalFile(str(path)))
    if links is not None:
        state.background.read(state, links.sweep)
    data.setUrls(urls)
    set_originals(data, [asset.path for asset in assets])
    return data


def outgoing_results(state: AppState, ids: Sequence[str]) -> QMimeData:
    """Return the files of results that are known by their ids."""
    library = state.library
    found = [library.assets.get(id) for id in ids] if library is not None else []
    return outgoing_files(state, [asset for asset in found if asset is not None])


def outgoing_text(assets: Sequence[Asset]) -> str:
    """Return the texts of results for the clipboard, each with its sources and marks."""
    return "\n\n".join(
        marked_text(referenced_result(asset), asset.review_state)
        for asset in assets
        if asset.medium is Medium.TEXT
    )


def warning_without_mark(asset: Asset) -> str:
    """Return what a person must know before a picture is copied, "" if nothing."""
    said = about(asset.review_state)
    if not said:
        return ""
    return tr("A picture in the clipboard carries no mark. {about}").format(about=said)
