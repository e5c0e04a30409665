"""The available models: starter models, models added by the user, and those in the models folder.

Listing is cheap: descriptions are read from headers and cached under `paths.cache` until the files
change (size or modification time). Files are only hashed by `verify`.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from studio.formats.untrusted_files import (
    is_file,
    is_folder,
    is_unicode,
    printable,
    user_path,
)
from studio.kinds.kind import ModelNeed
from studio.kinds.model_defaults import capabilities_with
from studio.kinds.registry import kind_of, kinds
from studio.models.companions import check_base, companions_of
from studio.models.description_cache import DescriptionCache, path_key
from studio.models.folders.report import FolderReport, FolderScans
from studio.models.folders.scan import FoundModel
from studio.models.identify import describe_path
from studio.models.listing import Listing
from studio.models.model_card import slug
from studio.models.models_folder import folders_in, is_unfinished, models_in
from studio.models.registry_file import (
    Content,
    Entry,
    Found,
    FreeIds,
    RegistryFile,
    add_found,
    entry_again,
    entry_at,
)
from studio.models.starter_folders import as_starter, starter_folders
from studio.models.verify import verify_model
from studio.protocol import (
    Capabilities,
    ModelRef,
    Problem,
    ProblemError,
    Request,
    Sentence,
    problem,
)
from studio.settings import Paths

if TYPE_CHECKING:
    from studio.models.catalogue.catalogue import Catalogue


class Registry:
    """The models of an installation. Methods may be called from any thread.

    With `waits_for_writers`, a new file that is damaged is listed only once it has not changed for
    some seconds: another program may still be writing it.
    """

    def __init__(self, paths: Paths, *, waits_for_writers: bool = False) -> None:
        self._paths = paths
        self._waits = waits_for_writers
        self._unfinished: list[Path] = []
        self._remembered = RegistryFile(
            paths.models / "registry.json", paths.missing_models, paths.make_models_folder
        )
        self._descriptions = DescriptionCache(paths.cache)
        self._lock = threading.RLock()
        self._folders = FolderScans()
        self._reports: dict[str, FolderReport] = {}
        self._models: dict[str, ModelRef] = {}
        self._problems: dict[str, Problem] = {}
        self._catalogue: Catalogue | None = None

    def list(self, task: str | None = None) -> list[ModelRef]:
        """Return the usable models: starter models first, then the user's."""
        with self._lock:
            models = self._scan()
        return [model for model in models.values() if task is None or model.task == task]

    def listing(self) -> Listing:
        """Return the usable models together with what cannot be used."""
        with self._lock:
            models = tuple(self._scan().values())
            unfinished = tuple(str(path) for path in self._unfinished)
            return Listing(models, dict(self._problems), unfinished)

    def watched_folders(self) -> tuple[str, ...]:
        """Return the folders whose changes concern the list, the models folder first."""
        with self._lock:
            added = [self._folders.scan(each.path).modified for each in self._reports.values()]
        own = [str(folder) for folder in folders_in(self._paths.models)]
        return tuple(dict.fromkeys([*own, *(folder for scan in added for folder in scan)]))

    def problems(self) -> dict[str, Problem]:
        """Return the problems of models that cannot be used, by id or file name."""
        with self._lock:
            self._scan()
            return dict(self._problems)

    def get(self, id: str) -> ModelRef | None:
        """Return the model with this id from the last scan, or None."""
        with self._lock:
            if id not in self._models:
                self._scan()
            return self._models.get(id)

    def resolve(self, need: ModelNeed) -> ModelRef:
        """Return the model that a job needs, by id, by path, or by default.

        The default is the best-ranked model, starter models first. Raises `ProblemError`:
        `model_missing` if there is none, `model_broken` if it is damaged, `bad_input` if its task
        or role is wrong or it is unsuitable.
        """
        if not need.name:
            return self._default(need)
        found = self.get(need.name)
        if found is None:
            broken = self.problems().get(need.name)
            if broken is not None:
                raise ProblemError(broken)
        if found is None and (os.sep in need.name or "/" in need.name or _is_there(need.name)):
            found = self._by_path(Path(need.name))
        if found is None:
            raise _unknown_model(
                need.name, [model.id for model in self.list(need.task) if model.role in need.roles]
            )
        if found.task != need.task:
            wrong = kinds()[need.task].wrong_model
            raise ProblemError(Problem("bad_input", Sentence(wrong, {"name": found.name})))
        if found.role not in need.roles:
            raise problem(
                "bad_input",
                "{name} cannot be used here: its role is {role}, but {wanted} is needed.",
                name=found.name,
                role=found.role,
                wanted=need.roles[0],
            )
        if need.rank(found) is None and need.unsuitable is not None:
            raise ProblemError(Problem("bad_input", need.unsuitable(found)))
        return found

    def resolve_all(self, request: Request) -> tuple[ModelRef, ...]:
        """Return the models that a request needs, base model first. Raises like `resolve`.

        A denoiser as the base is followed by the text encoders and the VAE that are chosen for it.
        For a kind that needs no model, returns a placeholder without a path.
        """
        kind = kind_of(request)
        found = tuple(self.resolve(need) for need in kind.models_of(request))
        for extra in found[1:]:
            check_base(extra, found[0])
        if found and found[0].role == "denoiser":
            found += companions_of(found[0], self.list())
        return found or (ModelRef(id="", name=kind.title, task=kind.task, format="", path=""),)

    def add(self, path: Path) -> ModelRef:
        """Add the model at `path` to the list; its files stay in place.

        Raises `ProblemError` if it is not a model (`bad_input`), is damaged (`model_broken`), or
        the list could not be saved.
        """
        path = user_path(path)
        model = describe_path(path)
        with self._lock:
            for known in self._scan().values():
                if path_key(known.path) == path_key(model.path):
                    return known
            with self._remembered.edit() as content:
                entries = content.models
                entry = entry_at(entries, path) or entry_at(entries, Path(model.path))
                if entry is None:
                    entry = Entry(FreeIds(entries).take(slug(model.name)), str(path))
                    entries.append(entry)
                entry.hidden = False
                entry.added = True
            return self._scan()[entry.id]

    def add_folder(self, path: Path, check: Callable[[], None] = lambda: None) -> FolderReport:
        """Search a folder and all below it for models, now and from now on; nothing is copied.

        `check` is called now and then and may raise to cancel. Raises `ProblemError`
        (`bad_input`) if there is no such folder or no model in it, or if the list could not be
        saved.
        """
        folder = str(user_path(path))
        if not is_folder(Path(folder)):
            raise problem("bad_input", "There is no folder at {path}.", path=folder)
        if os.name == "posix" and os.path.realpath(folder) == "/":
            raise problem("bad_input", "Choose a folder with models, not the whole system.")
        # Outside the lock: a large folder takes a while, and jobs look for their models meanwhile.
        found = self._folders.scan(folder, check)
        with self._lock:
            if not found.models:
                raise problem(
                    "bad_input",
                    "There are no models in the folder {path} and the folders below it.",
                    path=folder,
                )
            with self._remembered.edit() as content:
                if all(path_key(known) != path_key(folder) for known in content.folders):
                    content.folders.append(folder)
            self._scan()
            return self._reports[path_key(folder)]

    def add_path(
        self, path: Path, check: Callable[[], None] = lambda: None
    ) -> ModelRef | FolderReport:
        """Add the model at `path`, or else the folder with all models in it.

        Raises `ProblemError` like `add` and `add_folder`.
        """
        try:
            return self.add(path)
        except ProblemError as error:
            if error.problem.kind != "bad_input" or not is_folder(user_path(path)):
                raise
        return self.add_folder(path, check)

    def folders(self) -> tuple[FolderReport, ...]:
        """Return the added folders with what is in them."""
        with self._lock:
            self._scan()
            return tuple(self._reports.values())

    def remove_folder(self, path: str) -> None:
        """Stop searching a folder. Its files stay, its models leave the list."""
        with self._lock:
            with self._remembered.edit() as content:
                left = [known for known in content.folders if path_key(known) != path_key(path)]
                content.folders = left
            self._scan()

    def remove(self, id: str) -> None:
        """Remove a model from the list; its files stay. Raises `ProblemError` if it is unknown."""
        with self._lock:
            model = self.get(id)
            if model is not None and model.is_starter:
                raise problem(
                    "bad_input",
                    "{name} is a starter model and stays in the list. To remove it, delete its "
                    "folder: {path}",
                    name=model.name,
                    path=model.path,
                )
            in_folder = {path_key(path) for path in models_in(self._paths.models)}
            with self._remembered.edit() as content:
                entries = content.models
                in_folder |= {path_key(each.path) for each in self._found_in(content)}
                entry = next((entry for entry in entries if entry.id == id), None)
                if entry is None or entry.hidden:
                    raise _unknown_model(id, list(self._models))
                if path_key(entry.path) in in_folder:
                    entry.hidden = True
                else:
                    entries.remove(entry)
            self._scan()

    def bring_back(self, id: str, path: Path) -> ModelRef:
        """List a model again whose files are back at `path`, under its id unless that is taken.

        Raises `ProblemError` if there is no model, or the list could not be saved.
        """
        model = describe_path(path)
        with self._lock:
            with self._remembered.edit() as content:
                entry = entry_again(content.models, id, path, Path(model.path))
            return self._scan()[entry.id]

    def path_of(self, id: str) -> Path | None:
        """Return where a listed model is, usable or not; None if it is unknown."""
        listed = {entry.id: entry.path for entry in self._remembered.read().models}
        listed |= {model.id: model.path for model in self.list()}
        return Path(listed[id]) if id in listed else None

    def relocate(self, id: str, path: Path, *, keeps_old: bool = False) -> ModelRef:
        """Record that the files of a model are at `path` now; it keeps its id.

        With `keeps_old`, what stays at its old place is not listed as another model. Raises
        `ProblemError` if there is no such model at `path`, or the list could not be saved.
        """
        described = describe_path(path)
        with self._lock:
            with self._remembered.edit() as content:
                entry = next((entry for entry in content.models if entry.id == id), None)
                if entry is None:
                    raise _unknown_model(id, list(self._models))
                known = self._models.get(id)
                entry.name = entry.name or (known.name if known is not None else "")
                if keeps_old:
                    unused = FreeIds(content.models).take(f"{id}-old")
                    old = Entry(unused, entry.path, hidden=True)
                    content.models.append(old)
                entry.path, entry.added, entry.hidden = described.path, True, False
            return self._scan()[id]

    def verify(self, id: str) -> Problem | None:
        """Check a model's files (`verify_model`). Returns the problem, or None.

        Reads whole files, which may take several seconds.
        """
        model = self.get(id)
        if model is not None:
            return verify_model(model)
        broken = self.problems().get(id)
        return broken or _unknown_model(id, list(self._models)).problem

    def capabilities(self, ref: ModelRef) -> Capabilities | None:
        """Return the cached capabilities of a model, None if unknown or its files changed.

        Their defaults are those that suit the model, where they are known.
        """
        with self._lock:
            known = self._descriptions.capabilities(Path(ref.path))
        return None if known is None else capabilities_with(known, self.defaults(ref))

    def defaults(self, ref: ModelRef) -> dict[str, Any]:
        """Return the values of request fields that suit a model (`model_defaults`)."""
        # Not at the top: the window would wait for modules that it does not need at first.
        from studio.models.catalogue.catalogue import load_catalogue
        from studio.models.model_defaults import model_defaults

        with self._lock:
            if self._catalogue is None:
                self._catalogue = load_catalogue(self._paths)
            catalogue = self._catalogue
        return model_defaults(ref, catalogue)

    def remember_capabilities(self, ref: ModelRef, capabilities: Capabilities) -> None:
        """Cache the capabilities reported by the engine until the model's files change."""
        with self._lock:
            self._descriptions.remember_capabilities(Path(ref.path), capabilities)

    def _scan(self) -> dict[str, ModelRef]:
        models: dict[str, ModelRef] = {}
        problems: dict[str, Problem] = {}
        for folder in starter_folders(self._paths):
            outcome = self._descriptions.describe(folder)
            if isinstance(outcome, ModelRef):
                models[folder.name] = as_starter(outcome, folder)
            else:
                problems[printable(folder.name)] = outcome
        in_folder = tuple(models_in(self._paths.models))
        content = self._content(set(models), in_folder)
        in_models_folder = {path_key(path) for path in in_folder}
        listed = in_models_folder | {path_key(each.path) for each in self._found_in(content)}
        for entry in content.models:
            key = path_key(entry.path)
            if entry.hidden or (not entry.added and key not in listed):
                continue
            outcome = self._descriptions.describe(Path(entry.path))
            if isinstance(outcome, ModelRef):
                name = entry.name or outcome.name
                models[entry.id] = msgspec.structs.replace(outcome, id=entry.id, name=name)
            elif entry.added or key in in_models_folder:
                problems[entry.id] = outcome
        for path in in_folder:
            if not is_unicode(path):
                outcome = self._descriptions.describe(path)
                if not isinstance(outcome, ModelRef):
                    problems[printable(path.name)] = outcome
        if self._remembered.problem is not None:
            problems[self._remembered.file.name] = self._remembered.problem
        self._descriptions.save()
        self._models, self._problems = models, problems
        self._reports = self._folder_reports(content)
        return models

    def _content(self, taken: set[str], in_folder: tuple[Path, ...]) -> Content:
        """Return the stored content, after adding entries for new models in folders.

        `in_folder` are the models in the models folder.
        """
        content = self._remembered.read()
        self._unfinished = []
        known = {path_key(entry.path) for entry in content.models}
        candidates = [FoundModel(str(path)) for path in in_folder]
        new = [
            each
            for each in (*candidates, *self._found_in(content))
            if path_key(each.path) not in known and is_unicode(Path(each.path))
        ]
        if not new:
            return content

        # Before the file is locked: there may be thousands.
        finished: list[Found] = []
        for each in new:
            path = Path(each.path)
            outcome = self._descriptions.describe(path)
            if self._waits and is_unfinished(path, outcome):
                self._unfinished.append(path)
                continue
            named = outcome.name if isinstance(outcome, ModelRef) else path.stem
            finished.append(Found(each.path, slug(each.name or named), each.name))

        try:
            with self._remembered.edit() as current:
                return add_found(current, finished, taken)
        except ProblemError:
            # On a read-only disk, the ids are assigned again each time.
            return add_found(content, finished, taken)

    def _found_in(self, content: Content) -> tuple[FoundModel, ...]:
        return self._folders.found(content.folders)

    def _folder_reports(self, content: Content) -> dict[str, FolderReport]:
        by_path = {path_key(model.path): model for model in self._models.values()}
        reports: dict[str, FolderReport] = {}
        for folder in content.folders:
            scan = self._folders.scan(folder)
            inside = [by_path.get(path_key(each.path)) for each in scan.models]
            models = tuple(model for model in inside if model is not None)
            others = scan.skipped + len(inside) - len(models)
            missing = not is_folder(Path(folder))
            reports[path_key(folder)] = FolderReport(folder, models, others, missing)
        return reports

    def _default(self, need: ModelNeed) -> ModelRef:
        models = [model for model in self.list(need.task) if model.role in need.roles]
        if not models:
            no_model = kinds()[need.task].no_model
            raise ProblemError(Problem("model_missing", Sentence(no_model)))
        ranked = [(rank, model) for model in models if (rank := need.rank(model)) is not None]
        if not ranked:
            assert need.none_suitable is not None
            raise ProblemError(Problem("model_missing", need.none_suitable))
        return min(ranked, key=lambda pair: pair[0])[1]

    def _by_path(self, path: Path) -> ModelRef:
        described = describe_path(path)
        for known in self.list():
            if path_key(known.path) == path_key(described.path):
                return known
        return described


def _is_there(path: str) -> bool:
    return is_file(Path(path)) or is_folder(Path(path))


def _unknown_model(model: str, ids: list[str]) -> ProblemError:
    if not ids:
        return problem(
            "model_missing",
            "There is no model called {model}. Install the starter models, or add it.",
            model=model,
        )
    return problem(
        "model_missing",
        "There is no model called {model}. Choose one of: {names}.",
        model=model,
        names=", ".join(ids),
    )
