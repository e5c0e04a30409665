"""The available models: starter models, models added by the user, and those in the models folder.

Listing is cheap: descriptions are read from headers and cached under `paths.cache` until the files
change (size or modification time). Files are only hashed by `verify`.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Collection, Iterator
from pathlib import Path

import msgspec

from studio.formats.base_families import TITLES
from studio.formats.suffixes import MODEL_WEIGHTS
from studio.formats.untrusted_files import (
    entries_of,
    is_file,
    is_folder,
    is_unicode,
    printable,
    user_path,
)
from studio.kinds.kind import ModelNeed
from studio.kinds.registry import kind_of, kinds
from studio.models.description_cache import DescriptionCache, path_key
from studio.models.identify import describe_path, model_candidates
from studio.models.model_card import slug
from studio.models.registry_file import Entries, Entry, RegistryFile
from studio.models.starter_folders import as_starter, starter_folders
from studio.models.starter_pack import MODELS as STARTER_MODELS
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

_OWN_FOLDERS = {"starter", "converted"}
_MODEL_FOLDER_FILES = ("model_index.json", "config.json", "adapter_config.json")


class Registry:
    """The models of an installation. Methods may be called from any thread."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self._remembered = RegistryFile(paths.models / "registry.json")
        self._descriptions = DescriptionCache(paths.cache)
        self._lock = threading.RLock()
        self._models: dict[str, ModelRef] = {}
        self._problems: dict[str, Problem] = {}

    def list(self, task: str | None = None) -> list[ModelRef]:
        """Return the usable models: starter models first, then the user's."""
        with self._lock:
            models = self._scan()
        return [model for model in models.values() if task is None or model.task == task]

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

        For a kind that needs no model, returns a placeholder without a path.
        """
        kind = kind_of(request)
        found = tuple(self.resolve(need) for need in kind.models_of(request))
        for extra in found[1:]:
            _check_base(extra, found[0])
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
            with self._remembered.edit() as entries:
                entry = _entry_at(entries, path) or _entry_at(entries, Path(model.path))
                if entry is None:
                    entry = Entry(_free_id(slug(model.name), entries), str(path))
                    entries.append(entry)
                entry.hidden = False
                entry.added = True
            return self._scan()[entry.id]

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
            in_folder = {path_key(path) for path in self._models_in_folder()}
            with self._remembered.edit() as entries:
                entry = next((entry for entry in entries if entry.id == id), None)
                if entry is None or entry.hidden:
                    raise _unknown_model(id, list(self._models))
                if path_key(entry.path) in in_folder:
                    entry.hidden = True
                else:
                    entries.remove(entry)
            self._scan()

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
        """Return the cached capabilities of a model, None if unknown or its files changed."""
        with self._lock:
            return self._descriptions.capabilities(Path(ref.path))

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
        for entry in self._entries(set(models)):
            if entry.hidden or (not entry.added and not _is_there(entry.path)):
                continue
            outcome = self._descriptions.describe(Path(entry.path))
            if isinstance(outcome, ModelRef):
                models[entry.id] = msgspec.structs.replace(outcome, id=entry.id)
            else:
                problems[entry.id] = outcome
        for path in self._models_in_folder():
            if not is_unicode(path):
                outcome = self._descriptions.describe(path)
                if not isinstance(outcome, ModelRef):
                    problems[printable(path.name)] = outcome
        if self._remembered.damaged is not None:
            problems[self._remembered.file.name] = self._remembered.damaged
        self._descriptions.save()
        self._models, self._problems = models, problems
        return models

    def _entries(self, taken: set[str]) -> Entries:
        """Return the stored entries, after adding entries for new models in the models folder."""
        entries = self._remembered.read()
        known = {path_key(entry.path) for entry in entries}
        new = [
            path
            for path in self._models_in_folder()
            if path_key(path) not in known and is_unicode(path)
        ]
        if not new:
            return entries

        def append_to(entries: Entries) -> Entries:
            for path in new:
                if _entry_at(entries, path) is None:
                    outcome = self._descriptions.describe(path)
                    name = outcome.name if isinstance(outcome, ModelRef) else path.stem
                    id = _free_id(slug(name), entries, taken)
                    entries.append(Entry(id, str(path), added=False))
            return entries

        try:
            with self._remembered.edit() as current:
                return append_to(current)
        except ProblemError:
            # On a read-only disk, the ids are assigned again each time.
            return append_to(entries)

    def _models_in_folder(self) -> Iterator[Path]:
        for entry in entries_of(self._paths.models):
            if entry.name.startswith(".") or entry.name in _OWN_FOLDERS:
                continue
            if is_file(entry):
                if entry.suffix.lower() in MODEL_WEIGHTS:
                    yield entry
            elif any(is_file(entry / name) for name in _MODEL_FOLDER_FILES) or is_folder(
                entry / "snapshots"
            ):
                yield entry
            elif is_folder(entry):
                found = model_candidates(entry)
                yield from found if len(found) != 1 else [entry]

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


def _check_base(extra: ModelRef, base: ModelRef) -> None:
    if extra.base and base.base and extra.base != base.base:
        raise problem(
            "bad_input",
            "{name} is made for {wanted}, but {base} is {found}. Choose a model of the same "
            "family, or another LoRA.",
            name=extra.name,
            wanted=TITLES.get(extra.base, extra.base),
            base=base.name,
            found=TITLES.get(base.base, base.base),
        )


def _is_there(path: str) -> bool:
    return is_file(Path(path)) or is_folder(Path(path))


def _entry_at(entries: Entries, path: Path) -> Entry | None:
    return next((entry for entry in entries if path_key(entry.path) == path_key(path)), None)


def _free_id(wanted: str, entries: Entries, taken: Collection[str] = ()) -> str:
    used = {entry.id for entry in entries} | set(STARTER_MODELS) | set(taken)
    name, number = wanted, 2
    while name in used:
        name, number = f"{wanted}-{number}", number + 1
    return name


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
