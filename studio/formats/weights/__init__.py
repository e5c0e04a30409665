"""Weights of models: safetensors, GGUF and PyTorch files, and what they are made for."""
