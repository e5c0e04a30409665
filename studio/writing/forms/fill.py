"""Make the prompt of a form from the values of its fields.

The language of templates is `{{name}}` and nothing else. A line whose placeholders are all empty
is left out, and with it a line before it that ends in a colon, if it is nothing but a placeholder.
Values are put in as they are: what looks like a placeholder in them is none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from msgspec import Struct

from studio.protocol import Message
from studio.writing.forms.brand import Brand
from studio.writing.forms.form import Form
from studio.writing.forms.values import items_of, value_of

# Blanks are not matched apart from the name: that would take quadratic time.
PLACEHOLDER = re.compile(r"\{\{([^{}\n]*)\}\}")

_CHINESE = re.compile(r"[\u4e00-\u9fff]")


def placeholders(template: str) -> list[str]:
    """Return the names that a template uses."""
    return [name.strip() for name in PLACEHOLDER.findall(template)]


class FilledForm(Struct, frozen=True):
    """What a form asks the model for, and the brief that the result is checked against."""

    system: str
    prompt: str
    messages: tuple[Message, ...]
    brief: str


def fill(form: Form, values: Mapping[str, str], brand: Brand | None = None) -> FilledForm:
    """Return the filled form. The values were checked by `value_errors`."""
    system = _filled(form.system, form, values)
    if brand is not None and (text := brand_text(brand, is_chinese(form.prompt))):
        system = f"{system}\n\n{text}".strip()
    messages = []
    for example in form.examples:
        messages.append(Message("user", _filled(form.prompt, form, example.fields)))
        messages.append(Message("assistant", example.result.strip()))
    return FilledForm(
        system, _filled(form.prompt, form, values), tuple(messages), brief_of(form, values, brand)
    )


def brief_of(form: Form, values: Mapping[str, str], brand: Brand | None = None) -> str:
    """Return everything that a result may say as a fact."""
    parts = [value_of(field, values) for field in form.fields if field.facts]
    if brand is not None:
        parts += [brand.name, *brand.facts, *brand.use]
    return "\n".join(part for part in parts if part)


def is_chinese(text: str) -> bool:
    """Return whether a template is written in Chinese."""
    letters = sum(character.isalpha() for character in PLACEHOLDER.sub("", text)) or 1
    return len(_CHINESE.findall(text)) / letters > 0.3


def brand_text(brand: Brand, in_chinese: bool) -> str:
    """Return what the model is told of a brand."""
    comma = "、" if in_chinese else ", "
    parts = {
        "品牌": brand.name,
        "语气": brand.tone,
        "多用": comma.join(brand.use),
        "不要用": comma.join(brand.avoid),
        "事实": ("；" if in_chinese else "; ").join(brand.facts),
        "译法": comma.join(f"{term} = {wanted}" for term, wanted in brand.glossary.items()),
    }
    english = ("Brand", "Tone", "Words to use", "Never use", "Facts", "Translate")
    names = tuple(parts) if in_chinese else english
    colon = "：" if in_chinese else ": "
    return "\n".join(
        f"{name}{colon}{text}"
        for name, text in zip(names, parts.values(), strict=True)
        if text.strip()
    )


def _filled(template: str, form: Form, values: Mapping[str, str]) -> str:
    shown: dict[str, tuple[str, str]] = {}
    comma = "；" if is_chinese(form.prompt) else "; "
    for field in form.fields:
        value = value_of(field, values)
        inline = block = value
        if field.type == "list":
            items = items_of(value)
            inline, block = comma.join(items), "\n".join(f"- {item}" for item in items)
        shown[field.name] = inline, block
    lines: list[str] = []
    for line in template.strip("\n").split("\n"):
        used = placeholders(line)
        alone = PLACEHOLDER.fullmatch(line.strip())
        if used and not any(shown[name][0] for name in used):
            if alone and lines and lines[-1].rstrip().endswith((":", "：")):
                del lines[-1]
            continue
        if alone:
            lines.append(shown[alone[1].strip()][1])
        else:
            lines.append(PLACEHOLDER.sub(lambda found: shown[found[1].strip()][0], line))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
