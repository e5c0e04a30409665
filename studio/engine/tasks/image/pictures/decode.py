"""VAE decoding that falls back to full precision if half precision overflows."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch


@contextmanager
def safe_decoding(pipeline: Any, on_overflow: Callable[[], None]) -> Iterator[None]:
    """While open, decode again in float32 if the VAE returns NaN or infinity.

    The VAE then stays in float32, and `on_overflow` is called once. Invalid latents are decoded
    as they are: the caller detects them in the picture.
    """
    vae = getattr(pipeline, "vae", None)
    if vae is None or not hasattr(vae, "decode"):
        yield
        return
    decode = vae.decode

    @functools.wraps(decode)
    def checked(z: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        result = decode(z.to(vae.dtype), *args, **kwargs)
        if _is_finite(result) or not bool(torch.isfinite(z).all()) or vae.dtype == torch.float32:
            return result
        on_overflow()
        vae.to(torch.float32)
        return decode(z.float(), *args, **kwargs)

    vae.decode = checked
    try:
        yield
    finally:
        del vae.decode


def _is_finite(result: Any) -> bool:
    sample = result[0] if isinstance(result, tuple) else result.sample
    return bool(torch.isfinite(sample).all())
