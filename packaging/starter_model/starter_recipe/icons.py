"""The things that have a name, and their pictures in five styles.

`build` joins emojibase (labels and tags in English and Chinese) with five icon sets on
the code point, renders every icon at 128×128 on white, and stores

* `things.json`: a list of `Thing`, index = thing id;
* `icons.npz`: `images` uint8 (N, 128, 128, 3), `thing` int32 (N,), `style` int32 (N,).

The result depends only on the pinned packages, so it is the same on every machine.
"""

from __future__ import annotations

import io
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import resvg_py
from PIL import Image

from . import sources

SIZE = 128
STYLES = ("3d", "flat", "gradient", "noto", "classic")

# emojibase's own numbers (meta/groups.json of the package).
_GROUPS_LEFT_OUT = {2, 9}  # component, flags
_SUBGROUPS_LEFT_OUT = {94}  # keycaps
_PEOPLE = 1
_CLOCK_WORDS = ("o’clock", "-thirty")
_JOINER = "200d"
_ROLES = 25  # person-role
_PERSON = "1f9d1-200d-"


@dataclass
class Thing:
    """Something that can be drawn: its code point, its names and its tags."""

    code: str
    emoji: str
    group: int
    label_en: str
    label_zh: str
    tags_en: list[str] = field(default_factory=list)
    tags_zh: list[str] = field(default_factory=list)
    aliases_en: list[str] = field(default_factory=list)
    aliases_zh: list[str] = field(default_factory=list)


@dataclass
class IconSet:
    """The rendered icons: pictures (N, 128, 128, 3), thing ids (N,), style ids (N,)."""

    images: npt.NDArray[np.uint8]
    thing: npt.NDArray[np.int32]
    style: npt.NDArray[np.int32]


def canonical(code: str) -> str:
    """The key every set is joined on: lower case, without the variation selector."""
    return "-".join(part for part in code.lower().split("-") if part != "fe0f")


def wanted(entry: dict[str, Any]) -> bool:
    """Whether an emojibase entry is a thing of its own in this model."""
    group = entry.get("group")
    if group is None or group in _GROUPS_LEFT_OUT:
        return False
    if entry.get("subgroup") in _SUBGROUPS_LEFT_OUT:
        return False
    label: str = entry["label"]
    if any(word in label for word in _CLOCK_WORDS) or "facing right" in label:
        return False
    # Men and women of a role or an activity are aliases of the person (see `read_things`).
    code = canonical(entry["hexcode"])
    return not (group == _PEOPLE and _JOINER in code and not is_role(entry))


def is_role(entry: dict[str, Any]) -> bool:
    """Whether this is a person of no given gender with a role, such as an astronaut."""
    return bool(entry["subgroup"] == _ROLES and canonical(entry["hexcode"]).startswith(_PERSON))


def read_things(emojibase: Path) -> list[Thing]:
    """Every wanted entry, in emojibase's order, with its Chinese twin joined in."""
    english = json.loads((emojibase / "en" / "data.json").read_text("utf-8"))
    chinese = {
        entry["hexcode"]: entry
        for entry in json.loads((emojibase / "zh" / "data.json").read_text("utf-8"))
    }
    things: list[Thing] = []
    for entry in sorted(english, key=lambda one: one.get("order", 0)):
        if not wanted(entry):
            continue
        twin = chinese[entry["hexcode"]]
        things.append(
            Thing(
                code=canonical(entry["hexcode"]),
                emoji=entry["emoji"],
                group=entry["group"],
                label_en=entry["label"],
                label_zh=twin["label"],
                tags_en=entry.get("tags", []),
                tags_zh=twin.get("tags", []),
            )
        )
    by_label = {thing.label_en: thing for thing in things}
    for entry in english:
        if entry.get("group") != _PEOPLE or wanted(entry):
            continue
        words = str(entry["label"]).split(" ", 1)
        if len(words) == 2 and words[0] in {"man", "woman"}:
            base = by_label.get(words[1]) or by_label.get(f"person {words[1]}")
            if base is not None:
                base.aliases_en.append(entry["label"])
                base.aliases_zh.append(chinese[entry["hexcode"]]["label"])
    return things


def _body(icons: dict[str, Any], name: str) -> str | None:
    """The SVG document of one icon of an iconify set, or None if the set lacks it."""
    icon = icons["icons"].get(name)
    if icon is None:
        return None
    width = icon.get("width", icons.get("width", 16))
    height = icon.get("height", icons.get("height", 16))
    left, top = icon.get("left", 0), icon.get("top", 0)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'viewBox="{left} {top} {width} {height}" width="{width}" height="{height}">'
        f"{icon['body']}</svg>"
    )


def on_white(picture: Image.Image) -> npt.NDArray[np.uint8]:
    """Fit a picture into SIZE×SIZE, centred on white; returns (SIZE, SIZE, 3) uint8."""
    picture = picture.convert("RGBA")
    scale = SIZE / max(picture.size)
    if scale != 1:
        # Premultiplied, so that transparent pixels do not bleed their colour.
        size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
        picture = picture.convert("RGBa").resize(size, Image.Resampling.LANCZOS).convert("RGBA")
    canvas = Image.new("RGBA", (SIZE, SIZE), "white")
    offset = ((SIZE - picture.width) // 2, (SIZE - picture.height) // 2)
    canvas.alpha_composite(picture, offset)
    return np.asarray(canvas.convert("RGB"))


def render(svg: str) -> npt.NDArray[np.uint8]:
    """Render one SVG document on white; returns (SIZE, SIZE, 3) uint8."""
    data = resvg_py.svg_to_bytes(svg_string=svg, width=SIZE, skip_system_fonts=True)
    with Image.open(io.BytesIO(bytes(data))) as picture:
        return on_white(picture)


class _SvgStyle:
    """One iconify set and the table from code points to its names."""

    def __init__(self, folder: Path, names: Path) -> None:
        self.icons = json.loads((folder / "icons.json").read_text("utf-8"))
        chars = json.loads((names / "chars.json").read_text("utf-8"))
        self.names = {canonical(code): name for code, name in chars.items()}

    def draw(self, code: str) -> npt.NDArray[np.uint8] | None:
        name = self.names.get(code)
        if name is None:
            return None
        aliases = self.icons.get("aliases", {})
        svg = _body(self.icons, aliases.get(name, {}).get("parent", name))
        return None if svg is None else render(svg)


class _WebpStyle:
    """A folder of pictures named by their code point."""

    def __init__(self, folder: Path) -> None:
        self.files = {canonical(path.stem): path for path in sorted(folder.glob("*.webp"))}

    def draw(self, code: str) -> npt.NDArray[np.uint8] | None:
        path = self.files.get(code)
        if path is None:
            return None
        with Image.open(path) as picture:
            return on_white(picture)


def build(data: Path) -> tuple[list[Thing], IconSet]:
    """Fetch, render and store everything under `data`; returns what was stored."""
    folders = {source: sources.fetch(source, data) for source in sources.SOURCES}
    things = read_things(folders[sources.EMOJIBASE])
    flat, noto = folders[sources.FLUENT_FLAT], folders[sources.NOTO]
    styles: dict[str, _SvgStyle | _WebpStyle] = {
        "3d": _WebpStyle(folders[sources.FLUENT_3D] / "assets"),
        "flat": _SvgStyle(flat, flat),
        "gradient": _SvgStyle(folders[sources.FLUENT], flat),
        "noto": _SvgStyle(noto, noto),
        "classic": _SvgStyle(folders[sources.NOTO_V1], noto),
    }
    kept: list[Thing] = []
    images: list[npt.NDArray[np.uint8]] = []
    thing_ids: list[int] = []
    style_ids: list[int] = []
    for thing in things:
        drawn = [(index, styles[name].draw(thing.code)) for index, name in enumerate(STYLES)]
        found = [(index, image) for index, image in drawn if image is not None]
        if len(found) < 2:
            continue
        for index, image in found:
            images.append(image)
            thing_ids.append(len(kept))
            style_ids.append(index)
        kept.append(thing)
    icons = IconSet(np.stack(images), np.array(thing_ids, np.int32), np.array(style_ids, np.int32))
    text = json.dumps([asdict(thing) for thing in kept], ensure_ascii=False, indent=1)
    (data / "things.json").write_text(text, "utf-8")
    with (data / "icons.npz").open("wb") as handle:
        np.savez(handle, images=icons.images, thing=icons.thing, style=icons.style)
    return kept, icons


def load(data: Path) -> tuple[list[Thing], IconSet]:
    """Read what `build` stored."""
    things = [Thing(**one) for one in json.loads((data / "things.json").read_text("utf-8"))]
    with np.load(data / "icons.npz") as stored:
        return things, IconSet(stored["images"], stored["thing"], stored["style"])
