"""Versions of a text that a person edited: results of their own, beside the one they began with.

A result is never changed. The recipe of a version is that of the text it was made from, with the
edits among its labels, and as parents that text and the proposals of models that were accepted.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from studio.formats.recipes.aigc import AigcLabel
from studio.formats.suffixes import TEXTS
from studio.library.disk_problems import file_problem
from studio.library.folder.file_names import relative_name
from studio.library.folder.file_placing import hash_file, place_file
from studio.library.folder.stored_paths import StoredPaths
from studio.library.folder.work_folders import WorkFolders
from studio.library.index.asset_writer import AssetWriter, FinishedFile
from studio.library.index.assets import Assets
from studio.library.index.database import Database
from studio.library.queue.stored_job import now
from studio.library.recipes import metadata
from studio.library.records import Asset
from studio.library.review import REVIEW_LABEL, REVIEW_REQUIRED, state_when_changed
from studio.protocol import Parent

EDITED, EDITS = "edited_version", "edits"
"""Labels: the number of the version, and what was asked of which model, a line each."""

DOCUMENT = re.compile(r"edit-[0-9A-Za-z_-]{1,59}")
"""Ids of documents, which stand in the place of a job's in the recipes of their versions."""

_MAX_EDITS = 20_000


class Edit(Struct, frozen=True):
    """A document at the time of saving; `used` are the assets of proposals that were accepted."""

    document: str
    text: str
    edits: Sequence[str] = ()
    used: Sequence[str] = ()


class EditedVersions:
    """Writes versions of texts into the library at `root`. Methods may be called on any thread."""

    def __init__(
        self, database: Database, writer: AssetWriter, work: WorkFolders, root: Path
    ) -> None:
        self._database = database
        self._writer = writer
        self._work = work
        self._assets = Assets(database, root)
        self._paths = StoredPaths(root)
        self._root = root

    def keep(self, source: Asset, edit: Edit, label: AigcLabel | None) -> Asset:
        """Store another version of a text. Raises `ProblemError`."""
        assert DOCUMENT.fullmatch(edit.document), edit.document
        self._database.require_there()
        row = max((each.row + 1 for each in self._assets.of_job(edit.document)), default=0)
        edits = "\n".join(edit.edits)[:_MAX_EDITS]
        own = {EDITED: str(row + 1), **({EDITS: edits} if edits else {})}
        changed = state_when_changed(source.review, source.recipe.labels)
        asked = {REVIEW_LABEL: REVIEW_REQUIRED} if changed else {}
        used = (self._assets.get(id) for id in dict.fromkeys(edit.used))
        recipe = replace(
            source.recipe,
            job=edit.document,
            row=row,
            created=now(),
            labels={**source.recipe.labels, **own, **asked},
            parents=tuple(
                Parent(str(each.path), each.sha256, each.id)
                for each in (source, *used)
                if each is not None
            ),
            timings={},
            stats={},
        )
        extension = TEXTS[0]
        when = datetime.fromisoformat(recipe.created)
        wanted = self._root / relative_name(recipe.request, recipe.seed, when, extension)
        self._paths.require_inside(wanted.parent)
        folder = self._work.folder(self._root, edit.document)
        plain, part = (folder / f"{time.monotonic_ns()}{suffix}" for suffix in (".txt", extension))
        try:
            plain.write_text(edit.text, "utf-8", errors="replace", newline="\n")
            written = metadata.write_with_recipe(plain, part, recipe, label)
            finished = FinishedFile(
                path=part,
                recipe=recipe,
                size=written.size,
                sha256=hash_file(part),
                text=written.content.text,
            )
            final = place_file(part, wanted)
        except OSError as error:
            raise file_problem(error, self._root) from error
        finally:
            for file in (plain, part):
                with contextlib.suppress(OSError):
                    file.unlink(missing_ok=True)
        asset = self._assets.get(self._writer.insert(replace(finished, path=final)))
        assert asset is not None
        return asset
