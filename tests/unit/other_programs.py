"""A made-up home folder with the models of other programs: tiny files in their real layouts."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

from tests.unit.model_files import write_gguf, write_json, write_llama, write_pipeline
from tests.unit.model_files import write_safetensors as write

Expected = dict[str, tuple[str, str]]
"""Name of the model → its role and base family."""

_SD1: dict[str, tuple[int, ...]] = {
    "model.diffusion_model.input_blocks.0.0.weight": (4, 4, 3, 3),
    "model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight": (4, 768),
    "cond_stage_model.transformer.text_model.embeddings.position_embedding.weight": (77, 8),
    "cond_stage_model.transformer.text_model.embeddings.token_embedding.weight": (9, 8),
    "first_stage_model.decoder.conv_in.weight": (4, 4, 3, 3),
}
_SDXL: dict[str, tuple[int, ...]] = {
    "model.diffusion_model.input_blocks.0.0.weight": (4, 4, 3, 3),
    "conditioner.embedders.1.model.positional_embedding": (77, 8),
    "conditioner.embedders.1.model.token_embedding.weight": (9, 8),
    "first_stage_model.decoder.conv_in.weight": (4, 4, 3, 3),
}
_LORA = "lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn2_to_k.lora_down.weight"
_FLUX_LORA = "lora_unet_double_blocks_0_img_attn_qkv.lora_down.weight"
_CONTROL = "control_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight"
_FLUX = "double_blocks.0.img_attn.norm.key_norm.scale"
_UPSCALER: dict[str, tuple[int, ...]] = {
    "conv_first.weight": (8, 3, 3, 3),
    "body.0.rdb1.conv1.weight": (4, 8, 3, 3),
    "conv_up1.weight": (8, 8, 3, 3),
    "conv_up2.weight": (8, 8, 3, 3),
}


def comfyui(root: Path, elsewhere: Path) -> Expected:
    """Write ComfyUI's folder, and one that its `extra_model_paths.yaml` names."""
    models = root / "models"
    write(models / "checkpoints" / "dreamer.safetensors", _SD1)
    write(models / "checkpoints" / "XL" / "real.safetensors", _SDXL)
    write(models / "loras" / "ink.safetensors", {_LORA: (4, 2048)})
    write(models / "embeddings" / "better hands.safetensors", {"emb_params": (2, 768)})
    write(models / "controlnet" / "canny.safetensors", {_CONTROL: (4, 768)})
    write(models / "ipadapter" / "face.safetensors", {"ip_adapter.1.to_k_ip.weight": (4, 2048)})
    write(models / "vae" / "ae.safetensors", {"decoder.conv_in.weight": (4, 4)})
    write(
        models / "text_encoders" / "clip_l.safetensors", {"text_model.encoder.layers.0.x": (4, 4)}
    )
    write(models / "clip_vision" / "vit_h.safetensors", {"vision_model.encoder.layers.0.x": (4, 4)})
    write(models / "diffusion_models" / "flux_fp8.safetensors", {_FLUX: (4,)})
    write_gguf(models / "unet" / "flux-Q4_0.gguf", "flux")
    write(models / "upscale_models" / "4x_sharp.safetensors", _UPSCALER)
    (models / "checkpoints" / "put_checkpoints_here").touch()
    (models / "annotators.bin").write_bytes(b"\0" * 100)
    write(elsewhere / "shared loras" / "fluxy.safetensors", {_FLUX_LORA: (4, 3072)})
    paths = {"mine": {"base_path": str(elsewhere), "loras": "shared loras", "vae": "missing"}}
    # JSON is YAML.
    (root / "extra_model_paths.yaml").write_text(json.dumps(paths), "utf-8")
    return {
        "dreamer": ("base", "sd1"),
        "real": ("base", "sdxl"),
        "ink": ("lora", "sdxl"),
        "better hands": ("embedding", "sd1"),
        "canny": ("controlnet", "sd1"),
        "face": ("ip_adapter", "sdxl"),
        "ae": ("vae", ""),
        "clip_l": ("text_encoder", ""),
        "vit_h": ("image_encoder", ""),
        "flux_fp8": ("denoiser", "flux"),
        "flux-Q4_0": ("denoiser", "flux"),
        "4x sharp": ("upscaler", ""),
        "fluxy": ("lora", "flux"),
    }


def a1111(root: Path) -> Expected:
    """Write the folder of A1111 or Forge."""
    write(root / "models" / "Stable-diffusion" / "anime.safetensors", _SD1)
    write(root / "models" / "Lora" / "style" / "oil.safetensors", {_LORA: (4, 768)})
    write_json(root / "models" / "Lora" / "style" / "oil.json", {"activation text": "oilpaint"})
    return {"anime": ("base", "sd1"), "oil": ("lora", "sd1")}


def lm_studio(root: Path) -> Expected:
    """Write LM Studio's folder: publisher, model, files."""
    folder = root / ".lmstudio" / "models" / "unsloth" / "Fox-GGUF"
    write_gguf(folder / "fox-Q4_1.gguf", general__name="Fox Q4_1")
    write_gguf(folder / "fox-f16.gguf", general__name="Fox F16")
    return {"Fox Q4_1": ("base", ""), "Fox F16 (Q4_1)": ("base", "")}


def ollama(root: Path) -> Expected:
    """Write Ollama's folder: manifests, and blobs without a suffix."""
    digest = "sha256:" + "ab" * 32
    write_gguf(root / "models" / "blobs" / digest.replace(":", "-"))
    (root / "models" / "blobs" / ("sha256-" + "cd" * 32)).write_text("{{ .Prompt }}", "utf-8")
    layers = [
        {"mediaType": "application/vnd.ollama.image.model", "digest": digest},
        {"mediaType": "application/vnd.ollama.image.template", "digest": "sha256:" + "cd" * 32},
    ]
    library = root / "models" / "manifests" / "registry.ollama.ai" / "library"
    write_json(library / "fox" / "8b", {"schemaVersion": 2, "layers": layers})
    return {"fox:8b": ("base", "")}


def hub_cache(root: Path) -> Expected:
    """Write the cache of the hub: a folder of text, one of pictures, one of GGUF files."""
    for name in ("models--fox--writer", "models--fox--painter", "models--fox--gguf"):
        (root / name / "refs").mkdir(parents=True)
        (root / name / "refs" / "main").write_text("abc", "ascii")
    write_llama(root / "models--fox--writer" / "snapshots" / "abc")
    write_pipeline(root / "models--fox--painter" / "snapshots" / "abc", "FluxPipeline")
    write_gguf(root / "models--fox--gguf" / "snapshots" / "abc" / "a.gguf", general__name="Hub A")
    write_gguf(root / "models--fox--gguf" / "snapshots" / "abc" / "b.gguf", general__name="Hub B")
    return {
        "writer": ("base", ""),
        "painter": ("base", "flux"),
        "Hub A (Q4_1)": ("base", ""),
        "Hub B (Q4_1)": ("base", ""),
    }


def invokeai(root: Path) -> Expected:
    """Write InvokeAI's folder: files in folders named by a key, names in its database."""
    write(root / "models" / "7f3c" / "model.safetensors", {_LORA: (4, 2048)})
    (root / "databases").mkdir(parents=True)
    with closing(sqlite3.connect(root / "databases" / "invokeai.db")) as database:
        database.execute("CREATE TABLE models (path TEXT, name TEXT)")
        database.execute("INSERT INTO models VALUES ('7f3c/model.safetensors', 'Night Lights')")
        database.commit()
    return {"Night Lights": ("lora", "sdxl")}
