"""Which files of a repository are downloaded."""

from __future__ import annotations

import pytest

from studio.models.hub.description import HubFile, HubModel
from studio.models.hub.file_choice import choose_files
from studio.protocol import ProblemError

GB = 1_000_000_000


def model(*names: str, **sizes: int) -> HubModel:
    files = [HubFile(name, 1000) for name in names]
    files += [HubFile(name.replace("__", "/"), size) for name, size in sizes.items()]
    return HubModel("https://hub.example", "owner/name", "0" * 40, tuple(files))


def chosen(repository: HubModel, **options: object) -> list[str]:
    choice = choose_files(repository, **options)  # type: ignore[arg-type]
    return sorted(file.name for file in choice.files)


def refusal(repository: HubModel, **options: object) -> str:
    with pytest.raises(ProblemError) as caught:
        choose_files(repository, **options)  # type: ignore[arg-type]
    assert caught.value.problem.kind == "bad_input"
    return str(caught.value.problem.message)


PIPELINE = (
    *("model_index.json", "README.md", "sample.png", "v1-5-pruned.safetensors", "v1-5.ckpt"),
    *("scheduler/scheduler_config.json", "tokenizer/vocab.json", "tokenizer/merges.txt"),
    *("unet/config.json", "unet/diffusion_pytorch_model.safetensors", "unet/model.onnx"),
    *("unet/diffusion_pytorch_model.fp16.safetensors", "unet/diffusion_pytorch_model.bin"),
    *("unet/diffusion_pytorch_model.non_ema.safetensors", "unet/flax_model.msgpack"),
    *("vae/config.json", "vae/diffusion_pytorch_model.safetensors"),
    *("safety_checker/config.json", "safety_checker/model.safetensors"),
    *("vae_decoder/config.json", "vae_decoder/model.onnx", "openvino/openvino_model.bin"),
)
PARTS = ("scheduler", "tokenizer", "unet", "vae", "safety_checker")


def test_of_a_pipeline_one_set_of_weights_is_taken_for_each_component() -> None:
    kept = [
        *("README.md", "model_index.json", "scheduler/scheduler_config.json"),
        *("tokenizer/merges.txt", "tokenizer/vocab.json", "unet/config.json"),
        *("vae/config.json", "vae/diffusion_pytorch_model.safetensors"),
    ]
    half = "unet/diffusion_pytorch_model.fp16.safetensors"
    full = "unet/diffusion_pytorch_model.safetensors"
    assert chosen(model(*PIPELINE), components=PARTS) == sorted([*kept, half])
    assert chosen(model(*PIPELINE), components=PARTS, full=True) == sorted([*kept, full])


def test_a_pipeline_in_parts_is_taken_whole() -> None:
    shards = [f"transformer/diffusion_pytorch_model-0000{n}-of-00002.safetensors" for n in (1, 2)]
    index = "transformer/diffusion_pytorch_model.safetensors.index.json"
    files = ("model_index.json", "transformer/config.json", *shards, index)
    assert chosen(model(*files, "transformer/x.pt")) == sorted(files)


def test_a_component_that_exists_only_as_a_pickle_is_refused() -> None:
    files = ("model_index.json", "unet/config.json", "unet/diffusion_pytorch_model.bin")
    assert "only as pickles" in refusal(model(*files))


def test_of_a_language_model_safetensors_tokenizer_and_settings_are_taken() -> None:
    kept = [
        *("LICENSE", "README.md", "chat_template.jinja", "config.json", "generation_config.json"),
        *("merges.txt", "tokenizer.json", "tokenizer_config.json", "vocab.json"),
        "model.safetensors.index.json",
        *(f"model.safetensors-0000{n}-of-00002.safetensors" for n in (1, 2)),
    ]
    others = (
        *(
            "pytorch_model.bin",
            "tf_model.h5",
            "flax_model.msgpack",
            "onnx/model.onnx",
            ".gitattributes",
        ),
        *("original/consolidated.00.pth", "consolidated.safetensors", "x.png", ".gitattributes"),
    )
    assert chosen(model(*kept, *others)) == sorted(kept)


def test_a_language_model_of_pickles_only_is_refused() -> None:
    files = model("config.json", "tokenizer.json", "pytorch_model.bin")
    assert "only as pickles" in refusal(files)


QUANTISED = model(
    "README.md",
    "config.json",
    "mmproj-F16.gguf",
    **{
        "Q-Q8_0.gguf": 4 * GB,
        "Q-Q4_K_M.gguf": 2 * GB,
        "Q-UD-IQ1_S.gguf": GB,
        "Q-BF16.gguf": 8 * GB,
        "big__Q-Q6_K-00001-of-00002.gguf": 2 * GB,
        "big__Q-Q6_K-00002-of-00002.gguf": GB,
    },
)


def test_of_a_gguf_repository_one_quantisation_is_taken() -> None:
    assert chosen(QUANTISED) == ["Q-Q4_K_M.gguf", "README.md", "mmproj-F16.gguf"]
    assert chosen(QUANTISED, quantisation="q8_0") == ["Q-Q8_0.gguf", "README.md", "mmproj-F16.gguf"]
    assert chosen(QUANTISED, file="Q-BF16.gguf") == ["Q-BF16.gguf", "README.md", "mmproj-F16.gguf"]
    assert chosen(QUANTISED, memory=2 * GB) == ["Q-UD-IQ1_S.gguf", "README.md", "mmproj-F16.gguf"]
    parts = ["big/Q-Q6_K-00001-of-00002.gguf", "big/Q-Q6_K-00002-of-00002.gguf"]
    assert chosen(QUANTISED, quantisation="Q6_K") == ["README.md", *parts, "mmproj-F16.gguf"]
    assert choose_files(QUANTISED, quantisation="Q6_K").folder == "Q-Q6_K"
    assert "Choose one of: " in refusal(QUANTISED, quantisation="Q3_K")
    assert "smallest one has 1.0 GB" in refusal(QUANTISED, memory=GB)


def test_of_several_projectors_for_pictures_one_in_the_same_folder_is_taken() -> None:
    names = ("mmproj-BF16.gguf", "mmproj-F32.gguf", "mmproj-model-f16.gguf", "a/mmproj-F16.gguf")
    repository = model("README.md", *names, **{"Q-Q4_K_M.gguf": 2 * GB})
    choice = choose_files(repository)
    assert "mmproj-model-f16.gguf" in [file.name for file in choice.files]
    assert len(choice.files) == 3
    assert "see pictures" in str(choice.notes[0])


def test_a_single_checkpoint_or_lora_is_taken_and_several_are_a_question() -> None:
    assert chosen(model("README.md", "style.safetensors", "a.png")) == [
        "README.md",
        "style.safetensors",
    ]
    several = model("a.safetensors", "b.safetensors")
    assert "a.safetensors (1 kB), b.safetensors" in refusal(several)
    assert chosen(several, file="b.safetensors") == ["b.safetensors"]
    assert "has no file c" in refusal(several, file="c")
    adapter = ("adapter_config.json", "adapter_model.safetensors", "README.md")
    assert chosen(model(*adapter, "x.bin")) == sorted(adapter)


def test_an_upscaler_as_a_pickle_needs_consent() -> None:
    choice = choose_files(model("x4.pth", "README.md"))
    assert choice.needs_consent
    assert "can contain code" in str(choice.notes[0])
    assert choice.folder == "x4"
    assert not choose_files(model("x4.pth", "x4.safetensors")).needs_consent


def test_a_repository_without_anything_useful_is_refused() -> None:
    assert "no weights" in refusal(model("README.md", "model.onnx"))
    assert "no weights" in refusal(model())


def test_700_gb_and_5000_files_are_counted_before_a_byte_is_fetched() -> None:
    shards = {f"model-{n:05}-of-04000.safetensors": 175_000_000 for n in range(1, 4001)}
    others = [f"data/{n}.txt" for n in range(1000)]
    huge = model("config.json", "model.safetensors.index.json", *others, **shards)
    choice = choose_files(huge)
    assert len(choice.files) == 4002
    assert choice.size == 700 * GB + 2000


def test_models_that_hear_and_speak_are_taken_without_what_other_programs_need() -> None:
    whisper = ("config.json", "model.bin", "tokenizer.json", "vocabulary.txt", "README.md")
    heard = choose_files(model(*whisper, "flax_model.msgpack"))
    assert sorted(file.name for file in heard.files) == sorted(whisper)
    assert not heard.needs_consent
    voice = ("tokenizer.json", "onnx/model_quantized.onnx", "voices/af_heart.bin", "README.md")
    spoken = model(*voice, "config.json", "onnx/model.onnx", "onnx/model_fp16.onnx")
    assert chosen(spoken) == sorted(voice)


def test_of_a_model_that_makes_vectors_the_files_are_taken_that_say_how() -> None:
    layout = ("modules.json", "1_Pooling/config.json", "config_sentence_transformers.json")
    kept = ("config.json", "model.safetensors", "tokenizer.json", *layout)
    others = ("onnx/model.onnx", "pytorch_model.bin", "train_script.py", "2_Dense/config.json")
    assert chosen(model(*kept, *others)) == sorted(kept)
