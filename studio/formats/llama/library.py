"""The C interface of llama.cpp, called with ctypes.

The library is the one inside `xllamacpp`, whose wheels export it on Linux and macOS. Its wheel for
Windows does not; there it is the one inside `llama-cpp-py-sync`. Both packages are pinned, since
the layout of the parameters may change with any version. It is compared with the defaults that
the library returns, so that another version is refused instead of called with wrong arguments.
"""

from __future__ import annotations

import ctypes
import importlib.util
import logging
import os
import sys
from collections import deque
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

_log = logging.getLogger(__name__)

_KEPT_LINES = 40
_WARNING = 3
"""ggml's log levels: 2 is information, 3 a warning, 4 an error, 5 continues a line."""

Handle = ctypes.c_void_p
ProgressCallback = ctypes.CFUNCTYPE(ctypes.c_bool, ctypes.c_float, ctypes.c_void_p)
LogCallback = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)


class ModelParams(ctypes.Structure):
    """`llama_model_params`."""

    _fields_ = [
        ("devices", ctypes.c_void_p),
        ("tensor_buft_overrides", ctypes.c_void_p),
        ("n_gpu_layers", ctypes.c_int32),
        ("split_mode", ctypes.c_int),
        ("load_mode", ctypes.c_int),
        ("lazy_mode", ctypes.c_int),
        ("main_gpu", ctypes.c_int32),
        ("tensor_split", ctypes.c_void_p),
        ("progress_callback", ProgressCallback),
        ("progress_callback_user_data", ctypes.c_void_p),
        ("kv_overrides", ctypes.c_void_p),
        ("vocab_only", ctypes.c_bool),
        ("check_tensors", ctypes.c_bool),
        ("use_extra_bufts", ctypes.c_bool),
        ("no_host", ctypes.c_bool),
        ("no_alloc", ctypes.c_bool),
        ("load_mtp", ctypes.c_bool),
    ]


class ContextParams(ctypes.Structure):
    """`llama_context_params`."""

    _fields_ = [
        ("n_ctx", ctypes.c_uint32),
        ("n_batch", ctypes.c_uint32),
        ("n_ubatch", ctypes.c_uint32),
        ("n_seq_max", ctypes.c_uint32),
        ("n_rs_seq", ctypes.c_uint32),
        ("n_outputs_max", ctypes.c_uint32),
        ("n_outputs_max_per_seq", ctypes.c_uint32),
        ("n_threads", ctypes.c_int32),
        ("n_threads_batch", ctypes.c_int32),
        ("ctx_type", ctypes.c_int),
        ("rope_scaling_type", ctypes.c_int),
        ("pooling_type", ctypes.c_int),
        ("attention_type", ctypes.c_int),
        ("flash_attn_type", ctypes.c_int),
        ("rope_freq_base", ctypes.c_float),
        ("rope_freq_scale", ctypes.c_float),
        ("yarn_ext_factor", ctypes.c_float),
        ("yarn_attn_factor", ctypes.c_float),
        ("yarn_beta_fast", ctypes.c_float),
        ("yarn_beta_slow", ctypes.c_float),
        ("yarn_orig_ctx", ctypes.c_uint32),
        ("defrag_thold", ctypes.c_float),
        ("cb_eval", ctypes.c_void_p),
        ("cb_eval_user_data", ctypes.c_void_p),
        ("type_k", ctypes.c_int),
        ("type_v", ctypes.c_int),
        ("moe_cache_size", ctypes.c_size_t),
        ("abort_callback", ctypes.c_void_p),
        ("abort_callback_data", ctypes.c_void_p),
        ("embeddings", ctypes.c_bool),
        ("offload_kqv", ctypes.c_bool),
        ("no_perf", ctypes.c_bool),
        ("op_offload", ctypes.c_bool),
        ("swa_full", ctypes.c_bool),
        ("kv_unified", ctypes.c_bool),
        ("samplers", ctypes.c_void_p),
        ("n_samplers", ctypes.c_size_t),
        ("ctx_other", ctypes.c_void_p),
    ]


class Batch(ctypes.Structure):
    """`llama_batch`."""

    _fields_ = [
        ("n_tokens", ctypes.c_int32),
        ("token", ctypes.POINTER(ctypes.c_int32)),
        ("embd", ctypes.c_void_p),
        ("pos", ctypes.POINTER(ctypes.c_int32)),
        ("n_seq_id", ctypes.POINTER(ctypes.c_int32)),
        ("seq_id", ctypes.POINTER(ctypes.POINTER(ctypes.c_int32))),
        ("logits", ctypes.POINTER(ctypes.c_int8)),
    ]


_MODEL_DEFAULTS = {
    "devices": None,
    "n_gpu_layers": -1,
    "split_mode": 1,
    "load_mode": -1,
    "lazy_mode": 1,
    "main_gpu": 0,
    "tensor_split": None,
    "kv_overrides": None,
    "vocab_only": False,
    "use_extra_bufts": True,
    "no_alloc": False,
}
_CONTEXT_DEFAULTS = {
    "n_ctx": 512,
    "n_batch": 2048,
    "n_ubatch": 512,
    "n_seq_max": 1,
    "n_threads": 4,
    "n_threads_batch": 4,
    "rope_scaling_type": -1,
    "pooling_type": -1,
    "attention_type": -1,
    "flash_attn_type": -1,
    "yarn_ext_factor": -1.0,
    "defrag_thold": -1.0,
    "cb_eval": None,
    "type_k": 1,
    "type_v": 1,
    "abort_callback": None,
    "abort_callback_data": None,
    "embeddings": False,
    "offload_kqv": True,
    "swa_full": True,
    "kv_unified": False,
    "samplers": None,
    "n_samplers": 0,
    "ctx_other": None,
}

_int32 = ctypes.c_int32
_FUNCTIONS: dict[str, tuple[Any, list[Any]]] = {
    "llama_model_default_params": (ModelParams, []),
    "llama_context_default_params": (ContextParams, []),
    "llama_backend_init": (None, []),
    "llama_log_set": (None, [LogCallback, Handle]),
    "llama_supports_gpu_offload": (ctypes.c_bool, []),
    "llama_model_load_from_file": (Handle, [ctypes.c_char_p, ModelParams]),
    "llama_model_load_from_splits": (
        Handle,
        [ctypes.POINTER(ctypes.c_char_p), ctypes.c_size_t, ModelParams],
    ),
    "llama_model_free": (None, [Handle]),
    "llama_model_get_vocab": (Handle, [Handle]),
    "llama_model_has_encoder": (ctypes.c_bool, [Handle]),
    "llama_model_has_decoder": (ctypes.c_bool, [Handle]),
    "llama_model_n_layer": (_int32, [Handle]),
    "llama_model_size": (ctypes.c_uint64, [Handle]),
    "llama_init_from_model": (Handle, [Handle, ContextParams]),
    "llama_free": (None, [Handle]),
    "llama_get_memory": (Handle, [Handle]),
    "llama_memory_clear": (None, [Handle, ctypes.c_bool]),
    "llama_memory_seq_rm": (ctypes.c_bool, [Handle, _int32, _int32, _int32]),
    "llama_memory_seq_cp": (None, [Handle, _int32, _int32, _int32, _int32]),
    "llama_state_seq_get_size": (ctypes.c_size_t, [Handle, _int32]),
    "llama_state_seq_get_data": (ctypes.c_size_t, [Handle, Handle, ctypes.c_size_t, _int32]),
    "llama_state_seq_set_data": (ctypes.c_size_t, [Handle, Handle, ctypes.c_size_t, _int32]),
    "llama_set_abort_callback": (None, [Handle, Handle, Handle]),
    "llama_decode": (_int32, [Handle, Batch]),
    "llama_get_logits": (ctypes.POINTER(ctypes.c_float), [Handle]),
    "llama_vocab_n_tokens": (_int32, [Handle]),
    "llama_vocab_type": (ctypes.c_int, [Handle]),
    "llama_vocab_get_text": (ctypes.c_char_p, [Handle, _int32]),
    "llama_vocab_is_control": (ctypes.c_bool, [Handle, _int32]),
    "llama_vocab_is_eog": (ctypes.c_bool, [Handle, _int32]),
    "llama_vocab_bos": (_int32, [Handle]),
    "llama_vocab_eos": (_int32, [Handle]),
    "llama_vocab_eot": (_int32, [Handle]),
    "llama_vocab_get_add_bos": (ctypes.c_bool, [Handle]),
    "llama_tokenize": (
        _int32,
        [Handle, ctypes.c_char_p, _int32, Handle, _int32, ctypes.c_bool, ctypes.c_bool],
    ),
    "llama_token_to_piece": (
        _int32,
        [Handle, _int32, ctypes.c_char_p, _int32, _int32, ctypes.c_bool],
    ),
    "llama_detokenize": (
        _int32,
        [Handle, Handle, _int32, ctypes.c_char_p, _int32, ctypes.c_bool, ctypes.c_bool],
    ),
}


class LlamaLibrary:
    """The functions of llama.cpp as attributes, without their prefix `llama_`.

    `shared` is the library as ctypes has it, and `log_callback` what keeps its messages.

    Args:
        path: the shared library.
        version: name and version of the package that contains it.

    Raises:
        OSError: it cannot be loaded, or its interface is not the expected one.
    """

    def __init__(self, path: Path, version: str) -> None:
        self.version = version
        self.path = path
        # A crash of the library would start a debugger for its report, if one is installed.
        os.environ.setdefault("GGML_NO_BACKTRACE", "1")
        if sys.platform == "win32":
            os.add_dll_directory(str(path.parent))
        self.shared = ctypes.CDLL(str(path))
        for name, (result, arguments) in _FUNCTIONS.items():
            try:
                function = getattr(self.shared, name)
            except AttributeError as error:
                raise OSError(f"{path.name} does not export {name}") from error
            function.restype, function.argtypes = result, arguments
            setattr(self, name.removeprefix("llama_"), function)
        compare_layout(self.model_default_params(), _MODEL_DEFAULTS)
        compare_layout(self.context_default_params(), _CONTEXT_DEFAULTS)
        self._lines: deque[str] = deque(maxlen=_KEPT_LINES)
        self.log_callback = LogCallback(self._keep)  # referenced as long as the library may log
        self.log_set(self.log_callback, None)
        self.backend_init()

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name)

    def forget_messages(self) -> None:
        """Forget earlier warnings and errors."""
        self._lines.clear()

    def messages(self) -> str:
        """Return the latest warnings and errors of the library."""
        return "".join(self._lines).strip()

    def _keep(self, level: int, text: bytes, _data: object) -> None:
        if level >= _WARNING:
            self._lines.append(text.decode("utf-8", "replace"))


def compare_layout(params: ctypes.Structure, expected: dict[str, Any]) -> None:
    """Raise `OSError` if the library's defaults show that the structure has another layout."""
    found = {name: getattr(params, name) for name in expected}
    if found != expected:
        raise OSError(f"{type(params).__name__} has another layout: {found}")


@cache
def llama_library() -> LlamaLibrary | None:
    """Return the library, or None where no package has it for this system."""
    package = "llama_cpp_py_sync" if sys.platform == "win32" else "xllamacpp"
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        return None
    folder = Path(found.submodule_search_locations[0])
    pattern = "llama.dll" if sys.platform == "win32" else "xllamacpp*.so"
    path = next(iter(sorted(folder.glob(pattern))), None)
    if path is None:
        return None
    name = package.replace("_", "-")
    try:
        return LlamaLibrary(path, f"{name} {metadata.version(name)}")
    except (OSError, metadata.PackageNotFoundError) as error:
        _log.warning("llama.cpp cannot be used: %s", error)
        return None
