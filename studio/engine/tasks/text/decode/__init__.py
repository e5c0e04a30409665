"""The decoding loop: KV cache, sampling, streaming."""
