"""What a form says: its fields, its prompt, its checks."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from msgspec import Meta, Struct

FieldType: TypeAlias = Literal["line", "multiline", "number", "choice", "list"]
Purpose: TypeAlias = Literal[
    "marketing", "news", "video", "writing", "teaching", "work", "code", "editing"
]

MAX_FIELDS = 40
MAX_EXAMPLES = 20

FieldName = Annotated[str, Meta(pattern="^[a-z][a-z0-9_]*$", max_length=60)]
Line = Annotated[str, Meta(min_length=1, max_length=500)]
Words = tuple[Line, ...]
Text = Annotated[str, Meta(max_length=100_000)]
Length = Annotated[int, Meta(ge=1, le=100_000)]


class FormField(Struct, frozen=True, forbid_unknown_fields=True):
    """A field. Values are texts; those of a `list` have one item a line.

    `facts` says whether figures and names in the value are facts that the result may repeat.
    """

    name: FieldName
    label: Line
    type: FieldType = "line"
    help: Annotated[str, Meta(max_length=1000)] = ""
    example: Text = ""
    default: Text = ""
    required: bool = False
    choices: Words = ()
    minimum: float | None = None
    maximum: float | None = None
    facts: bool = True


class FormExample(Struct, frozen=True, forbid_unknown_fields=True):
    """A filled form and a good result, which the model is shown before the request."""

    fields: dict[str, Text]
    result: Annotated[str, Meta(min_length=1, max_length=100_000)]


class FormChecks(Struct, frozen=True, forbid_unknown_fields=True):
    """What a result is checked for. Names of fields are given where a person fills in the value.

    `banned` are words that must not occur, `points` a list of what must, `glossary` a list of
    "term = translation". Lengths are counted by `writing.checks.length`. `sums` looks at every
    calculation in the result.
    """

    facts: bool = False
    banned: Words = ()
    banned_field: str = ""
    points_field: str = ""
    glossary_field: str = ""
    min_length: Length | None = None
    max_length: Length | None = None
    max_length_field: str = ""
    shorter_than_field: str = ""
    longer_than_field: str = ""
    sums: bool = False


class Form(Struct, frozen=True, forbid_unknown_fields=True):
    """A form as its file says it. `task` is the kind of work, `settings` are fields of its request.

    In `system` and `prompt`, `{{name}}` stands for the value of a field; a line whose fields are
    all empty is left out. `review` says that a person must look at each result.
    """

    title: Line
    summary: Line
    purpose: Purpose
    task: Line
    prompt: Annotated[str, Meta(min_length=1, max_length=100_000)]
    fields: Annotated[tuple[FormField, ...], Meta(min_length=1, max_length=MAX_FIELDS)]
    version: Annotated[int, Meta(ge=1, le=1_000_000)] = 1
    system: Text = ""
    schema: Text = ""
    regex: Text = ""
    review: bool = False
    settings: dict[str, Any] = {}
    checks: FormChecks = FormChecks()
    examples: Annotated[tuple[FormExample, ...], Meta(max_length=MAX_EXAMPLES)] = ()

    def field(self, name: str) -> FormField | None:
        """Return a field by its name."""
        return next((field for field in self.fields if field.name == name), None)
