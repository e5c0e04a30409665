"""Loads one network of a pipeline from a single file, in the layout of its authors or others.

The file may hold several networks; only the tensors of the one wanted are read.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from studio.engine.tasks.image.model.denoiser_names import State, converter_of
from studio.engine.tasks.image.model.layout import Component
from studio.engine.tasks.image.model.scaled_weights import unscaled
from studio.formats.weights.gguf_encoder import encoder_names


def load_part(component: Component, dtype: torch.dtype) -> tuple[torch.nn.Module, list[str]]:
    """Load a network from its single file; return it and the names of missing tensors.

    Raises the errors of the libraries.
    """
    import diffusers

    (file,) = component.files
    if not issubclass(component.kind, diffusers.ModelMixin):
        if file.suffix.lower() == ".gguf":
            state = _dequantised_encoder(file, dtype)
        else:
            state = _state(file, component.prefix, dtype)
        return _load_encoder(component, state, dtype)
    state = _state(file, component.prefix, dtype)
    if "Transformer" in component.kind.__name__ or "UNet" in component.kind.__name__:
        network = _load_denoiser(component, state, dtype)
    else:
        network = _load_vae(component, state, dtype)
    return network, [name for name, tensor in network.named_parameters() if tensor.is_meta]


def _dequantised_encoder(file: Path, dtype: torch.dtype) -> State:
    """Return the tensors of a text encoder in a GGUF file under the names of transformers."""
    import gguf
    import numpy as np

    tensors = gguf.GGUFReader(file).tensors
    names = encoder_names(tensor.name for tensor in tensors)
    return {
        names[tensor.name]: torch.from_numpy(
            np.array(gguf.quants.dequantize(tensor.data, tensor.tensor_type))
        ).to(dtype)
        for tensor in tensors
        if tensor.name in names
    }


def _state(file: Path, prefix: str, dtype: torch.dtype) -> State:
    if file.suffix.lower() == ".gguf":
        from diffusers.models.model_loading_utils import load_gguf_checkpoint

        state = dict(load_gguf_checkpoint(str(file)))
        return {name.removeprefix(prefix): tensor for name, tensor in state.items()}
    from safetensors import safe_open

    with safe_open(str(file), framework="pt") as opened:
        names = [name for name in opened.keys() if name.startswith(prefix)]  # noqa: SIM118
        state = {name.removeprefix(prefix): opened.get_tensor(name) for name in names}
    return unscaled(state, file, dtype)


def _load_denoiser(component: Component, state: State, dtype: torch.dtype) -> torch.nn.Module:
    network: torch.nn.Module
    arguments: dict[str, Any] = {}
    if component.files[0].suffix.lower() == ".gguf":
        from diffusers import GGUFQuantizationConfig

        arguments["quantization_config"] = GGUFQuantizationConfig(compute_dtype=dtype)
    convert = converter_of(component.kind)
    if not hasattr(component.kind, "from_single_file"):
        assert convert is not None
        network = component.kind.from_config(component.kind.load_config(component.folder))
        network.load_state_dict(convert(state))
        return network.to(dtype)
    network = component.kind.from_single_file(
        convert(state) if convert is not None else state,
        config=str(component.folder),
        torch_dtype=dtype,
        local_files_only=True,
        **arguments,
    )
    return network


def _load_vae(component: Component, state: State, dtype: torch.dtype) -> torch.nn.Module:
    from diffusers.loaders import single_file_utils

    config = component.kind.load_config(component.folder)
    kind = component.kind.__name__
    own = component.kind.from_config(config)
    if not own.state_dict().keys() <= state.keys():
        if kind == "AutoencoderDC":
            state = single_file_utils.convert_autoencoder_dc_checkpoint_to_diffusers(state)
        elif kind == "AutoencoderKLQwenImage":
            state = single_file_utils.convert_wan_vae_to_diffusers(state)
        else:
            rest = {name: tensor for name, tensor in state.items() if name.startswith("bn.")}
            state = {**single_file_utils.convert_ldm_vae_checkpoint(state, config), **rest}
    own.load_state_dict({name: state[name] for name in own.state_dict()})
    network: torch.nn.Module = own.to(dtype)
    return network


def _load_encoder(
    component: Component, state: State, dtype: torch.dtype
) -> tuple[torch.nn.Module, list[str]]:
    config = component.kind.config_class.from_pretrained(component.folder)
    if "shared.weight" in state:
        state["encoder.embed_tokens.weight"] = state["shared.weight"]
    if component.kind.__name__.endswith("WithProjection"):
        # Files of SD 3 and FLUX.1 leave it out where it changes nothing.
        state.setdefault("text_projection.weight", torch.eye(config.projection_dim))
    network, info = component.kind.from_pretrained(
        None, config=config, state_dict=state, dtype=dtype, output_loading_info=True
    )
    return network, [*map(str, info["missing_keys"]), *map(str, info["mismatched_keys"])]
