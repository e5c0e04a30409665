"""Read generation settings from files of this and other programs, and make a request of them."""

from __future__ import annotations

import ast
import contextlib
import math
import re
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from studio.formats.pictures.stealth_png import read_stealth
from studio.formats.recipes.foreign_texts import read_foreign_texts
from studio.formats.recipes.recipe_files import read_content
from studio.formats.recipes.samplers import is_special, sampler_named
from studio.formats.untrusted_files import open_regular, printable
from studio.kinds.adapter_text import MAX_WEIGHT
from studio.kinds.coding import request_from_fields
from studio.kinds.kind import Medium
from studio.kinds.registry import prompted_kind
from studio.library.recipes.foreign_settings import ForeignSettings, foreign_settings, hidden_texts
from studio.library.recipes.metadata import read_recipe
from studio.protocol import Request, Sentence, sentence
from studio.protocol.requests import MAX_PROMPT_LENGTH, MAX_SEED

ORIGINAL_SEED = "original_seed"
"""Label with a seed that is larger than the largest here."""

_LORA = re.compile(r"<(?:lora|lyco):([^:<>]{1,200})(?::([^:<>]{0,20}))?[^<>]{0,200}>")
_MAX_LORAS = 8
_SHOWN = 80
"""Characters of a value in a message."""
_NUMBER = re.compile(r"[+-]?\d{1,30}(\.\d{0,30})?")
_UNKNOWN = frozenset({"", "none", "unknown", "default"})


class NamedAdapter(Struct, frozen=True):
    """A LoRA by the name that another program knows it by, with its weight."""

    name: str
    weight: float


class FoundSettings(Struct, frozen=True):
    """Settings in a file: request, program, model name, and messages on what was not restored.

    `adapters` are the LoRAs it names, installed or not. `labels` keep values that the request
    cannot hold.
    """

    request: Request
    made_by: str
    model_name: str = ""
    lost: tuple[Sentence, ...] = ()
    adapters: tuple[NamedAdapter, ...] = ()
    labels: dict[str, str] = {}


def read_settings(path: Path) -> FoundSettings | None:
    """Return the settings in a file, None if there are none that can be read.

    Tolerates any content. Raises `OSError` if the file cannot be read.
    """
    recipe = read_recipe(path)
    if recipe is not None:
        request = recipe.request.with_values(seed=recipe.seed)
        return FoundSettings(request, "Prompt Studio", recipe.model_name)
    with open_regular(path) as file:
        found = foreign_settings(read_foreign_texts(file))
        if found is None:
            file.seek(0)
            hidden = read_stealth(file)
            found = foreign_settings(hidden_texts(hidden)) if hidden else None
    if found is None:
        return None
    content = read_content(path)
    return _Conversion(found).result(content.width, content.height)


class _Conversion:
    """Makes a request of foreign settings, noting what cannot be restored."""

    def __init__(self, found: ForeignSettings) -> None:
        self._found = found
        self._lost: list[Sentence] = []
        self._labels: dict[str, str] = {}
        self._adapters: list[NamedAdapter] = []

    def result(self, width: int | None, height: int | None) -> FoundSettings:
        """Return the request and what was lost; the picture's size is used if none was stored."""
        found = self._found
        fields: dict[str, Any] = {
            "task": prompted_kind(Medium.PICTURE).task,
            "prompt": self._without_loras(self._prompt("prompt", found.prompt)),
        }
        numbers: dict[str, object] = {
            "negative_prompt": self._prompt("negative_prompt", found.negative_prompt),
            "seed": self._seed(),
            "steps": found.steps,
            "guidance_scale": found.guidance_scale,
            "scheduler": self._scheduler(),
        }
        if found.width and found.height:
            numbers |= {"width": found.width, "height": found.height}
        for name, value in numbers.items():
            self._set(fields, name, value)
        if not (found.width and found.height) and width and height:
            # Sizes of pictures that were cut or enlarged may be out of range.
            with contextlib.suppress(msgspec.ValidationError):
                request_from_fields({**fields, "width": width, "height": height})
                fields |= {"width": width, "height": height}
        self._note_what_is_not_repeated()
        return FoundSettings(
            request_from_fields(fields),
            found.made_by,
            _text(found.model)[:200],
            tuple(self._lost),
            tuple(self._adapters),
            self._labels,
        )

    def _set(self, fields: dict[str, Any], name: str, value: object) -> None:
        if value is None or value == "":
            return
        usable = value if name in ("negative_prompt", "scheduler") else _number(value)
        try:
            request_from_fields({**fields, name: usable})
        except (msgspec.ValidationError, ValueError, OverflowError, TypeError):
            usable = None
        if usable is None:
            self._lost.append(
                sentence(
                    "The value {value} of {name} cannot be used here.",
                    value=_shown(value),
                    name=name,
                )
            )
        else:
            fields[name] = usable

    def _prompt(self, name: str, value: object) -> str:
        if value is not None and not isinstance(value, str):
            self._lost.append(
                sentence(
                    "The value {value} of {name} cannot be used here.",
                    value=_shown(value),
                    name=name,
                )
            )
        text = _text(value).strip()
        if len(text) > MAX_PROMPT_LENGTH:
            self._lost.append(
                sentence(
                    "The prompt has {count} characters and was cut to {most}.",
                    count=len(text),
                    most=MAX_PROMPT_LENGTH,
                )
            )
        return text[:MAX_PROMPT_LENGTH]

    def _without_loras(self, prompt: str) -> str:
        weights: dict[str, float] = {}
        for name, weight in _LORA.findall(prompt):
            weights.setdefault(name, _weight(weight))
        named = [NamedAdapter(_shown(name), weight) for name, weight in weights.items()]
        self._adapters = named[:_MAX_LORAS]
        if len(named) > _MAX_LORAS:
            self._lost.append(
                sentence("{count} more LoRAs are not used.", count=len(named) - _MAX_LORAS)
            )
        return _LORA.sub("", prompt).strip().rstrip(",") if named else prompt

    def _seed(self) -> object:
        seed = _number(self._found.seed)
        if seed is None or not MAX_SEED < seed < 2**64:
            return self._found.seed
        used = int(seed) % (MAX_SEED + 1)
        self._labels[ORIGINAL_SEED] = str(int(seed))
        self._lost.append(
            sentence(
                "The seed {seed} is larger than the largest one here. {used} is used instead, its "
                "remainder; the label {label} of new pictures keeps the original.",
                seed=int(seed),
                used=used,
                label=ORIGINAL_SEED,
            )
        )
        return used

    def _scheduler(self) -> str:
        name = _text(self._found.sampler).strip()
        schedule = _text(self._found.schedule).strip()
        if name.lower() in _UNKNOWN:
            return ""
        sampler = sampler_named(name)
        if not sampler.scheduler:
            self._lost.append(sentence("The sampler {name} is not supported.", name=_shown(name)))
        elif not sampler.is_exact:
            self._lost.append(
                sentence(
                    "The sampler {name} is not supported; {scheduler}, which is similar, is used.",
                    name=_shown(name),
                    scheduler=sampler.scheduler.removesuffix("Scheduler"),
                )
            )
        schedule = schedule if is_special(schedule) else sampler.schedule
        if schedule:
            self._lost.append(
                sentence("The noise schedule {name} is not used.", name=_shown(schedule))
            )
        return sampler.scheduler

    def _note_what_is_not_repeated(self) -> None:
        found = self._found
        styles = _names(found.styles)
        if styles:
            self._lost.append(
                sentence("The styles {names} are not applied.", names=_shown(", ".join(styles)))
            )
        if found.has_second_pass:
            self._lost.append(
                sentence("The second pass (hires fix) is not repeated. Use the Upscale tab.")
            )
        if found.passes > 1:
            self._lost.append(
                sentence(
                    "The picture was made in {count} passes. The settings of the first were "
                    "restored.",
                    count=found.passes,
                )
            )


def _text(value: object) -> str:
    """Return a text that can be stored, "" for values that are not text."""
    if not isinstance(value, str):
        return ""
    return value.encode("utf-8", "replace").decode().replace("\0", "")


def _weight(text: str) -> float:
    """Return the weight of a LoRA; 1 where none that is usable is given."""
    number = _number(text)
    return float(number) if number is not None and abs(number) <= MAX_WEIGHT else 1.0


def _number(value: object) -> int | float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        match = _NUMBER.fullmatch(value.strip()[:70])
        if match is None:
            return None
        value = float(match[0]) if match[1] else int(match[0])
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        return int(value) if value.is_integer() and abs(value) < 2**63 else value
    return value if isinstance(value, int) and abs(value) < 2**70 else None


def _names(value: object) -> list[str]:
    """Return the names in a list, or in the text of a Python list, as Fooocus writes."""
    if isinstance(value, str) and len(value) < 2_000:
        with contextlib.suppress(ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
            value = ast.literal_eval(value)
    return [_text(name) for name in value if _text(name)] if isinstance(value, list) else []


def _shown(value: object) -> str:
    try:
        return printable(value if isinstance(value, str) else str(value), _SHOWN)
    except (ValueError, RecursionError):
        return "…"
