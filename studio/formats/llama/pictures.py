"""Pictures for models of llama.cpp, called with ctypes: its library `mtmd`.

It is in the same shared library as llama.cpp, except on Windows, where it is a file beside it. A
package without it writes text all the same.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from functools import cache
from typing import Any

from studio.formats.llama.library import Handle, LlamaLibrary, LogCallback, compare_layout

NodeCallback = ctypes.CFUNCTYPE(ctypes.c_bool, ctypes.c_void_p, ctypes.c_bool, ctypes.c_void_p)


class PictureParams(ctypes.Structure):
    """`mtmd_context_params`."""

    _fields_ = [
        ("use_gpu", ctypes.c_bool),
        ("device", ctypes.c_void_p),
        ("print_timings", ctypes.c_bool),
        ("n_threads", ctypes.c_int),
        ("image_marker", ctypes.c_char_p),
        ("media_marker", ctypes.c_char_p),
        ("flash_attn_type", ctypes.c_int),
        ("warmup", ctypes.c_bool),
        ("image_min_tokens", ctypes.c_int),
        ("image_max_tokens", ctypes.c_int),
        ("cb_eval", NodeCallback),
        ("cb_eval_user_data", ctypes.c_void_p),
        ("batch_max_tokens", ctypes.c_int32),
        ("progress_callback", ctypes.c_void_p),
        ("progress_callback_user_data", ctypes.c_void_p),
    ]


class TextInput(ctypes.Structure):
    """`mtmd_input_text`."""

    _fields_ = [
        ("text", ctypes.c_char_p),
        ("text_len", ctypes.c_size_t),
        ("add_special", ctypes.c_bool),
        ("parse_special", ctypes.c_bool),
    ]


class InputPart(ctypes.Structure):
    """`mtmd_input_part`: a text or a picture."""

    _fields_ = [("text", ctypes.POINTER(TextInput)), ("bitmap", ctypes.c_void_p)]


_DEFAULTS = {
    "use_gpu": True,
    "device": None,
    "n_threads": 4,
    "image_marker": None,
    "media_marker": b"<__media__>",
    "flash_attn_type": -1,
    "warmup": True,
    "image_min_tokens": -1,
    "image_max_tokens": -1,
    "batch_max_tokens": 1024,
    "progress_callback": None,
    "progress_callback_user_data": None,
}

_int32 = ctypes.c_int32
_FUNCTIONS: dict[str, tuple[Any, list[Any]]] = {
    "context_params_default": (PictureParams, []),
    "init_from_file": (Handle, [ctypes.c_char_p, Handle, PictureParams]),
    "free": (None, [Handle]),
    "helper_log_set": (None, [LogCallback, Handle]),
    "support_vision": (ctypes.c_bool, [Handle]),
    "decode_use_non_causal": (ctypes.c_bool, [Handle, Handle]),
    "bitmap_init": (Handle, [ctypes.c_uint32, ctypes.c_uint32, ctypes.c_char_p]),
    "bitmap_free": (None, [Handle]),
    "input_chunks_init": (Handle, []),
    "input_chunks_free": (None, [Handle]),
    "input_chunks_size": (ctypes.c_size_t, [Handle]),
    "input_chunks_get": (Handle, [Handle, ctypes.c_size_t]),
    "input_chunk_get_n_tokens": (ctypes.c_size_t, [Handle]),
    "tokenize_from_parts": (
        _int32,
        [Handle, Handle, ctypes.POINTER(ctypes.POINTER(InputPart)), ctypes.c_size_t, ctypes.c_bool],
    ),
    "helper_get_n_tokens": (ctypes.c_size_t, [Handle]),
    "helper_get_n_pos": (_int32, [Handle]),
    "helper_eval_chunks": (
        _int32,
        [
            Handle,
            Handle,
            Handle,
            _int32,
            _int32,
            _int32,
            ctypes.c_bool,
            ctypes.POINTER(_int32),
        ],
    ),
}


class PictureLibrary:
    """The functions of `mtmd` as attributes, without their prefix `mtmd_`.

    Raises `OSError` if the package does not have them, or in another layout.
    """

    def __init__(self, library: LlamaLibrary) -> None:
        shared = library.shared
        if sys.platform == "win32":
            shared = ctypes.CDLL(str(library.path.with_name("mtmd.dll")))
        for name, (result, arguments) in _FUNCTIONS.items():
            try:
                function = getattr(shared, f"mtmd_{name}")
            except AttributeError as error:
                raise OSError(f"{library.path.name} does not export mtmd_{name}") from error
            function.restype, function.argtypes = result, arguments
            setattr(self, name, function)
        compare_layout(self.context_params_default(), _DEFAULTS)
        self.helper_log_set(library.log_callback, None)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name)

    def text_part(self, text: str) -> InputPart:
        """Return a text whose special tokens are recognised."""
        data = text.encode("utf-8", "replace")
        return InputPart(ctypes.pointer(TextInput(data, len(data), False, True)), None)

    def chunks_of(self, context: Any, parts: list[InputPart], *, adds_first: bool) -> Any:
        """Return texts and pictures as tokens, to be freed; None if a picture cannot be used.

        `adds_first` adds the token that begins every text, where the vocabulary has one.
        """
        pointers = (ctypes.POINTER(InputPart) * len(parts))(*map(ctypes.pointer, parts))
        chunks = self.input_chunks_init()
        if self.tokenize_from_parts(context, chunks, pointers, len(parts), adds_first):
            self.input_chunks_free(chunks)
            return None
        return chunks


def node_callback(may_go_on: Callable[[], bool]) -> Any:
    """Return a callback that ends the calculation of a picture once it may not go on."""
    asked = 0

    def asks(_tensor: object, is_question: bool, _data: object) -> bool:
        nonlocal asked
        if not is_question:
            return may_go_on()
        # Each answer of yes ends a part of the graph that is computed at once.
        asked += 1
        return asked % 64 == 0

    return NodeCallback(asks)


@cache
def picture_library(library: LlamaLibrary) -> PictureLibrary | None:
    """Return the library, None where the package has none."""
    try:
        return PictureLibrary(library)
    except OSError:
        return None
