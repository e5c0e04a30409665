"""Make the request of a filled form, and know it again by the labels of its results."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from studio.formats.chat.thoughts import without_thoughts
from studio.kinds.coding import request_from_fields
from studio.kinds.field_errors import field_of, field_sentence
from studio.kinds.registry import known_kind
from studio.library.review import REVIEW_LABEL, REVIEW_REQUIRED
from studio.protocol import MAX_SEED, Message, ProblemError, Request, problem
from studio.writing.checks.check_result import check_result
from studio.writing.checks.correction import correction
from studio.writing.facts.compare import FactCheck
from studio.writing.forms.brand import Brand
from studio.writing.forms.fill import FilledForm, fill, is_chinese
from studio.writing.forms.form_file import RESERVED
from studio.writing.forms.form_folders import Brands, Forms, FoundForm, find_form
from studio.writing.forms.values import value_errors

FORM, VERSION, BRAND, ATTEMPT = "form", "form_version", "brand", "attempt"

_NEXT_SEED = 1_000_003
"""Further attempts are far from the seeds of the other variations."""


class FormUse(Struct, frozen=True):
    """A form with the values of its fields, and a brand by the name of its file."""

    found: FoundForm
    values: dict[str, str]
    brand: Brand | None = None
    brand_name: str = ""

    def filled(self) -> FilledForm:
        """Return the prompt and what belongs to it."""
        return fill(self.found.form, self.values, self.brand)

    def labels(self) -> dict[str, str]:
        """Return what the recipe of a result says of the form."""
        given = {name: value for name, value in self.values.items() if value.strip()}
        form = self.found.form
        own = {FORM: self.found.id, VERSION: str(form.version), ATTEMPT: "1"}
        if self.brand_name:
            own[BRAND] = self.brand_name
        if form.review:
            own[REVIEW_LABEL] = REVIEW_REQUIRED
        return given | own

    def check(self, text: str) -> FactCheck:
        """Return what is wrong with a result."""
        return check_result(
            self.found.form, self.values, without_thoughts(text).strip(), self.brand
        )


def request_of(use: FormUse, options: Mapping[str, Any] = {}) -> Request:
    """Return the request of a filled form. `options` take the place of the form's settings.

    Raises `ProblemError` (bad_input) for a value or a setting that is not possible.
    """
    form = use.found.form
    for _, message in value_errors(form, use.values):
        raise problem("bad_input", "{message}", message=message)
    kind = known_kind(form.task)
    if kind is None:
        raise problem(
            "bad_input",
            "The form {path} is for the task {task}, which this version does not know.",
            path=use.found.path,
            task=form.task,
        )
    filled = use.filled()
    fields: dict[str, Any] = {
        "prompt": filled.prompt,
        "system_prompt": filled.system,
        "schema": form.schema.strip(),
        "regex": form.regex.strip("\n"),
    }
    known = {name: value for name, value in fields.items() if name in kind.fields and value}
    if filled.messages and "messages" in kind.request.__struct_fields__:
        known["messages"] = msgspec.to_builtins(filled.messages)
    given = {name: value for name, value in options.items() if value is not None}
    try:
        request = request_from_fields({"task": form.task, **known, **form.settings, **given})
    except msgspec.ValidationError as error:
        raise problem(
            "bad_input",
            "{name} of the form {path} is not valid: {reason}",
            name=field_of(error) or "settings",
            path=use.found.path,
            reason=field_sentence(error, kind.fields, "it"),
        ) from error
    for name, reason in kind.check(request):
        raise problem(
            "bad_input",
            "{name} of the form {path} is not valid: {reason}",
            name=name,
            path=use.found.path,
            reason=reason,
        )
    return request


def next_attempt(use: FormUse, request: Request, seed: int, text: str) -> Request:
    """Return the request that has a result made again, with what is wrong with it."""
    findings = use.check(text).findings
    said = correction(findings, in_chinese=is_chinese(use.found.form.prompt))
    first = use.filled()
    values: dict[str, Any] = {"count": 1, "seed": (seed + _NEXT_SEED) % (MAX_SEED + 1)}
    if hasattr(request, "messages"):
        answer = without_thoughts(text).strip()
        turns = (Message("user", first.prompt), Message("assistant", answer))
        values |= {"messages": (*first.messages, *turns), "prompt": said}
    else:
        values["prompt"] = f"{first.prompt}\n\n{said}"
    return request.with_values(**values)


def use_of_labels(labels: Mapping[str, str], forms: Forms, brands: Brands) -> FormUse | None:
    """Return the form that a result was made with, None if there was none or it is gone."""
    if not labels.get(FORM):
        return None
    try:
        found = find_form(forms, labels[FORM], ())
    except ProblemError:
        return None
    names = {field.name for field in found.form.fields} - RESERVED
    values = {name: value for name, value in labels.items() if name in names}
    name = labels.get(BRAND, "")
    return FormUse(found, values, brands.brands.get(name), name)


def attempt_of(labels: Mapping[str, str]) -> int:
    """Return the number of an attempt."""
    text = labels.get(ATTEMPT, "")
    return int(text) if text.isdecimal() and len(text) < 5 else 1
