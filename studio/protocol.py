"""The words the processes share: requests, commands, events, errors and recipes.

Everything here is frozen data. The same definitions validate a widget's values, a command
line, a row of a CSV file, a recipe read from a stranger's PNG, and what crosses the pipe
between the app and the engine (MessagePack, never pickle). Nothing of ours is imported.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

import msgspec
from msgspec import Meta, Struct

Task: TypeAlias = Literal["text", "image", "upscale"]
ModelFormat: TypeAlias = Literal["transformers", "gguf", "diffusers", "single_file", "spandrel"]
JobStatus: TypeAlias = Literal["queued", "running", "done", "failed", "cancelled", "interrupted"]
ErrorKind: TypeAlias = Literal[
    "out_of_memory",
    "model_missing",
    "model_broken",
    "bad_input",
    "disk_full",
    "engine_crashed",
    "cancelled",
    "bug",
]

MAX_SEED = 2**32 - 1
"""Seeds are unsigned 32-bit numbers: the range that A1111-family files and numpy agree on."""

Seed = Annotated[int, Meta(ge=0, le=MAX_SEED)]
Count = Annotated[int, Meta(ge=1, le=1000)]
Prompt = Annotated[str, Meta(max_length=200_000)]
Side = Annotated[int, Meta(ge=64, le=8192)]
Name = Annotated[str, Meta(max_length=200)]
Fraction = Annotated[float, Meta(ge=0.0, le=1.0)]
Role: TypeAlias = Literal["system", "user", "assistant"]


class Sentence(Struct, frozen=True):
    """A sentence for a person: an English template and the values that fill it.

    The template is the key of its translation, so a message made in the engine can be shown
    in Chinese by a window that never saw the code that made it. `str()` gives the English.
    """

    template: str
    values: dict[str, str] = {}

    def __str__(self) -> str:
        return self.template.format_map(self.values) if self.values else self.template


def sentence(template: str, **values: object) -> Sentence:
    """Return a `Sentence` with every value turned into text.

    The template must be a literal at the call: the test of the translations reads it there.
    """
    return Sentence(template, {name: str(value) for name, value in values.items()})


class Problem(Struct, frozen=True):
    """An error as a value: its kind, a sentence that says what to do next, a detail."""

    kind: ErrorKind
    message: Sentence
    detail: str = ""


class ProblemError(Exception):
    """Carries a `Problem` up a call stack inside one process. It never crosses the pipe."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem.message))
        self.problem = problem


def problem(kind: ErrorKind, template: str, detail: str = "", **values: object) -> ProblemError:
    """Return a `ProblemError`, ready to be raised. The template must be a literal."""
    return ProblemError(
        Problem(kind, Sentence(template, {k: str(v) for k, v in values.items()}), detail)
    )


# ---- requests


class InputFile(Struct, frozen=True):
    """A file a request reads. `sha256` is hex, empty until the request is enqueued."""

    path: str
    sha256: str = ""


class Message(Struct, frozen=True):
    """One turn of a conversation."""

    role: Role
    content: Prompt


class TextRequest(Struct, frozen=True, kw_only=True, tag_field="task", tag="text"):
    """Ask a language model for `count` answers, made in one batch.

    `messages` holds the earlier turns (no system turn; `system_prompt` is that). Row *i* uses
    seed `seed + i`. A temperature of 0 is greedy. `top_k` 0 and `top_p` 1.0 switch them off.
    """

    prompt: Prompt
    system_prompt: Prompt = ""
    messages: tuple[Message, ...] = ()
    model: Name = ""
    seed: Seed | None = None
    count: Count = 1
    max_tokens: Annotated[int, Meta(ge=1, le=32_768)] = 512
    temperature: Annotated[float, Meta(ge=0.0, le=5.0)] = 0.7
    top_p: Annotated[float, Meta(gt=0.0, le=1.0)] = 0.95
    top_k: Annotated[int, Meta(ge=0, le=1000)] = 50
    repetition_penalty: Annotated[float, Meta(ge=0.5, le=2.0)] = 1.1


class ImageRequest(Struct, frozen=True, kw_only=True, tag_field="task", tag="image"):
    """Ask a diffusion pipeline for `count` pictures, image *i* from seed `seed + i`.

    None means "what suits the loaded model"; the recipe records the value that was used.
    Sizes are pixels. `strength` (0 to 1) counts only with `image` (image-to-image). `mask` goes
    with `image` too (inpainting): a picture that is fitted as `image` is; what is white there is
    drawn, what is black stays as it is.
    """

    prompt: Prompt
    negative_prompt: Prompt = ""
    model: Name = ""
    seed: Seed | None = None
    count: Count = 1
    width: Side | None = None
    height: Side | None = None
    steps: Annotated[int, Meta(ge=1, le=500)] | None = None
    guidance_scale: Annotated[float, Meta(ge=0.0, le=50.0)] | None = None
    scheduler: Name = ""
    image: InputFile | None = None
    strength: Fraction = 0.6
    mask: InputFile | None = None
    transparent: bool = False


class UpscaleRequest(Struct, frozen=True, kw_only=True, tag_field="task", tag="upscale"):
    """Enlarge one picture. `scale` 2, 3 or 4; the model must be able to make it."""

    input: InputFile
    scale: Literal[2, 3, 4] = 2
    model: Name = ""
    count: Annotated[int, Meta(ge=1, le=1)] = 1
    seed: Seed | None = None


Request: TypeAlias = TextRequest | ImageRequest | UpscaleRequest


def task_of(request: Request) -> Task:
    """Return the task that a request belongs to."""
    match request:
        case TextRequest():
            return "text"
        case ImageRequest():
            return "image"
        case UpscaleRequest():
            return "upscale"


def shared_settings(request: Request) -> tuple[object, ...] | None:
    """Return what requests must have in common to share a call of the model; None if none can.

    Prompts, seeds and counts may differ, and earlier turns and system prompts of a text.
    """
    match request:
        case TextRequest():
            return (
                "text",
                request.model,
                request.max_tokens,
                request.temperature,
                request.top_p,
                request.top_k,
                request.repetition_penalty,
            )
        case ImageRequest(image=None):
            plain = msgspec.structs.replace(request, prompt="", seed=None, count=1)
            return ("image", *msgspec.structs.astuple(plain))
    return None


# ---- models


class ModelRef(Struct, frozen=True):
    """A model on disk, as the registry describes it and as the engine is told to load it.

    `family` is what the files say (a transformers `model_type`, a diffusers pipeline class, a
    spandrel architecture; empty when only loading can tell). `scales` is filled for upscalers
    whose scale is known. Sizes are bytes.
    """

    id: Name
    name: str
    task: Task
    format: ModelFormat
    path: str
    family: str = ""
    size: int = 0
    scales: tuple[int, ...] = ()
    context: int | None = None
    licence: str = ""
    starter: bool = False
    languages: tuple[str, ...] = ()
    """Those that the model's card names ("en", "zh", …); empty where it names none."""


class Capabilities(Struct, frozen=True):
    """What a loaded image pipeline can do, read from its call signature and components.

    `controls` are field names of `ImageRequest` that have an effect. `multiple` is the number
    of pixels that sides are rounded to. Defaults are the pipeline's own.
    """

    controls: tuple[str, ...]
    schedulers: tuple[str, ...] = ()
    scheduler: str = ""
    width: int = 512
    height: int = 512
    multiple: int = 8
    steps: int = 20
    guidance_scale: float | None = None
    min_side: int = 64
    max_side: int = 8192


# ---- recipes


class Parent(Struct, frozen=True):
    """An asset or file that a result was made from."""

    path: str
    sha256: str = ""
    asset: str = ""


class Recipe(Struct, frozen=True, kw_only=True):
    """Everything needed to make an asset again. Kept inside the asset's own file.

    `request` holds resolved values for this one asset: its own seed is `seed`, its place in
    the job is `row`. `adjustments` are what the memory ladder or rounding changed, in English.
    `timings` are seconds. `stats` are task-specific numbers (tokens, tokens_per_second, …).
    """

    version: int = 1
    app: str = ""
    request: Request
    row: int
    seed: int
    job: str = ""
    created: str = ""
    model_id: str = ""
    model_name: str = ""
    model_sha256: str = ""
    device: str = ""
    dtype: str = ""
    libraries: dict[str, str] = {}
    adjustments: tuple[str, ...] = ()
    timings: dict[str, float] = {}
    stats: dict[str, float] = {}
    parents: tuple[Parent, ...] = ()
    labels: dict[str, str] = {}


# ---- commands (app → engine)


class RunJob(Struct, frozen=True, kw_only=True, tag_field="command", tag="run"):
    """Run the given rows of a request. Files are written below `work_dir` and announced."""

    job: str
    request: Request
    rows: tuple[int, ...]
    model: ModelRef
    work_dir: str


class RunTogether(Struct, frozen=True, kw_only=True, tag_field="command", tag="together"):
    """Run several jobs with the same `shared_settings` in as few calls of the model as can be.

    Every part reports and ends as if it ran alone, under its own id; `Done` with the id of the
    whole, `job`, comes when all have ended; its `alone` says how many shared nothing after all.
    Either kind of id can be cancelled.
    """

    job: str
    parts: tuple[RunJob, ...]


class ConvertModel(Struct, frozen=True, kw_only=True, tag_field="command", tag="convert"):
    """Turn a GGUF file into a safetensors folder at `target` (which must not exist)."""

    job: str
    source: str
    target: str


class DescribeModel(Struct, frozen=True, kw_only=True, tag_field="command", tag="describe"):
    """Ask what an image pipeline can do. Weights are not loaded."""

    job: str
    model: ModelRef


class CancelJob(Struct, frozen=True, tag_field="command", tag="cancel"):
    """Stop a job at its next interruptible point."""

    job: str


class UnloadModels(Struct, frozen=True, tag_field="command", tag="unload"):
    """Free every loaded model."""

    job: str


class Shutdown(Struct, frozen=True, tag_field="command", tag="shutdown"):
    """Leave the process."""


Command: TypeAlias = (
    RunJob | RunTogether | ConvertModel | DescribeModel | CancelJob | UnloadModels | Shutdown
)

# ---- events (engine → app)


class Ready(Struct, frozen=True, tag_field="event", tag="ready"):
    """The engine has imported what it needs to take commands. `libraries` name → version."""

    device: str
    libraries: dict[str, str] = {}


class Accepted(Struct, frozen=True, tag_field="event", tag="accepted"):
    job: str


class Loading(Struct, frozen=True, tag_field="event", tag="loading"):
    """A model is being loaded. `fraction` 0 to 1, or None when it cannot be told."""

    job: str
    stage: Sentence
    fraction: float | None = None


class Progress(Struct, frozen=True, tag_field="event", tag="progress"):
    """`step` of `steps` done over the whole job. `seconds_left` None until it can be told."""

    job: str
    step: int
    steps: int
    seconds_left: float | None = None


class Preview(Struct, frozen=True, tag_field="event", tag="preview"):
    """A small picture of row `row` as it is now, in a file that the next preview replaces."""

    job: str
    row: int
    path: str


class TextDelta(Struct, frozen=True, tag_field="event", tag="text"):
    """New text at the end of row `row`."""

    job: str
    row: int
    text: str


class AssetReady(Struct, frozen=True, tag_field="event", tag="asset"):
    """Row `row` is finished and lies in `path`. The recipe has not yet been written into it.

    For text, `path` holds the plain answer in UTF-8.
    """

    job: str
    row: int
    path: str
    recipe: Recipe


class RowFailed(Struct, frozen=True, tag_field="event", tag="row_failed"):
    """One row failed while the others of its job go on."""

    job: str
    row: int
    problem: Problem


class Warned(Struct, frozen=True, tag_field="event", tag="warning"):
    """Something was changed or is worth knowing, e.g. a step of the memory ladder.

    `kind` is a short English word that scripts can rely on: `context_cut`, `size_rounded`,
    `no_prompt`, `alike`, `memory`, `ignored_control`, `out_of_domain`, `metadata`, `scale`,
    `input`, `answer_cut` (a text reached the longest length that it may have).
    """

    job: str
    kind: str
    message: Sentence


class Described(Struct, frozen=True, tag_field="event", tag="described"):
    job: str
    model: str
    capabilities: Capabilities


class Done(Struct, frozen=True, tag_field="event", tag="done"):
    """The job ended by itself. `stats` e.g. seconds, load_seconds, tokens_per_second."""

    job: str
    stats: dict[str, float] = {}


class Failed(Struct, frozen=True, tag_field="event", tag="failed"):
    job: str
    problem: Problem


class Cancelled(Struct, frozen=True, tag_field="event", tag="cancelled"):
    job: str


Event: TypeAlias = (
    Ready
    | Accepted
    | Loading
    | Progress
    | Preview
    | TextDelta
    | AssetReady
    | RowFailed
    | Warned
    | Described
    | Done
    | Failed
    | Cancelled
)

FINAL_EVENTS = (Done, Failed, Cancelled)
"""Each command with a `job` is answered by exactly one of these, last."""

# ---- coding

_packer = msgspec.msgpack.Encoder()
_commands: msgspec.msgpack.Decoder[Command] = msgspec.msgpack.Decoder(Command)
_events: msgspec.msgpack.Decoder[Event] = msgspec.msgpack.Decoder(Event)
_json = msgspec.json.Encoder()
_requests: msgspec.json.Decoder[Request] = msgspec.json.Decoder(Request)
_recipes: msgspec.json.Decoder[Recipe] = msgspec.json.Decoder(Recipe)


def pack(message: Command | Event) -> bytes:
    """Encode a command or an event for the pipe."""
    return _packer.encode(message)


def unpack_command(data: bytes) -> Command:
    """Decode a command. Raises `msgspec.ValidationError` or `msgspec.DecodeError`."""
    return _commands.decode(data)


def unpack_event(data: bytes) -> Event:
    """Decode an event. Raises `msgspec.ValidationError` or `msgspec.DecodeError`."""
    return _events.decode(data)


def to_json(value: Struct) -> str:
    """Encode a request, recipe or any other struct as JSON text."""
    return _json.encode(value).decode()


def request_from_json(text: str | bytes) -> Request:
    """Decode and validate a request. Raises `msgspec.ValidationError` or `DecodeError`."""
    return _requests.decode(text)


def recipe_from_json(text: str | bytes) -> Recipe:
    """Decode and validate a recipe. Raises `msgspec.ValidationError` or `DecodeError`."""
    return _recipes.decode(text)


def request_from_fields(fields: dict[str, Any]) -> Request:
    """Validate loose fields (a row of a table, a command line), turning text into numbers.

    `fields["task"]` picks the kind of request. Raises `msgspec.ValidationError`, whose text
    names the field.
    """
    request: Request = msgspec.convert(fields, Request, strict=False)
    return request
