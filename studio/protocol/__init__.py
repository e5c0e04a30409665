"""The words the processes share: sentences, problems, requests, models, recipes, commands, events.

Everything here is frozen data. What crosses the pipe between the app and the engine is MessagePack,
never pickle (`studio.kinds.coding`). No kind of work is named here.
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
)
from studio.protocol.recipe import (
    Parent,
    Recipe,
)
from studio.protocol.requests import (
    LONGEST_PROMPT,
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
)
from studio.protocol.sentences import (
    Sentence,
    sentence,
)

__all__ = [
    "FINAL_EVENTS",
    "LONGEST_PROMPT",
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
    "sentence",
]
