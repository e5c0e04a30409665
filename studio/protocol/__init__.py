"""Types shared by the processes: sentences, problems, requests, models, recipes, commands, events.

All of them are frozen. They cross the pipe between app and engine as MessagePack, never as pickle
(`studio.kinds.coding`). This package is independent of the kinds of work.
"""

from studio.protocol.commands import (
    CancelJob,
    Command,
    ConvertModel,
    DescribeModel,
    RunJob,
    RunTogether,
    Shutdown,
)
from studio.protocol.devices import (
    DeviceMemory,
    MemoryKind,
)
from studio.protocol.events import (
    FINAL_EVENTS,
    Accepted,
    AssetReady,
    Cancelled,
    Described,
    Done,
    Event,
    Failed,
    Loading,
    Preview,
    Progress,
    Ready,
    RowFailed,
    TextDelta,
    Warned,
)
from studio.protocol.files import FileRef
from studio.protocol.models import (
    Capabilities,
    ModelFormat,
    ModelRef,
    ModelRole,
    ModelSource,
)
from studio.protocol.problems import (
    ErrorKind,
    Problem,
    ProblemError,
    problem,
    unexpected,
)
from studio.protocol.recipe import (
    Parent,
    Recipe,
)
from studio.protocol.requests import (
    MAX_PROMPT_LENGTH,
    MAX_SEED,
    Adapter,
    Count,
    Fraction,
    InputFile,
    JobStatus,
    Message,
    Name,
    Prompt,
    Request,
    Role,
    Seed,
    UnknownRequest,
    seed_of_row,
)
from studio.protocol.sentences import (
    Sentence,
    sentence,
)
from studio.protocol.sizes import readable_size

__all__ = [
    "FINAL_EVENTS",
    "MAX_PROMPT_LENGTH",
    "MAX_SEED",
    "Accepted",
    "Adapter",
    "AssetReady",
    "CancelJob",
    "Cancelled",
    "Capabilities",
    "Command",
    "ConvertModel",
    "Count",
    "DescribeModel",
    "Described",
    "DeviceMemory",
    "Done",
    "ErrorKind",
    "Event",
    "Failed",
    "FileRef",
    "Fraction",
    "InputFile",
    "JobStatus",
    "Loading",
    "MemoryKind",
    "Message",
    "ModelFormat",
    "ModelRef",
    "ModelRole",
    "ModelSource",
    "Name",
    "Parent",
    "Preview",
    "Problem",
    "ProblemError",
    "Progress",
    "Prompt",
    "Ready",
    "Recipe",
    "Request",
    "Role",
    "RowFailed",
    "RunJob",
    "RunTogether",
    "Seed",
    "Sentence",
    "Shutdown",
    "TextDelta",
    "UnknownRequest",
    "Warned",
    "problem",
    "readable_size",
    "seed_of_row",
    "sentence",
    "unexpected",
]
