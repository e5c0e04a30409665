"""Texts about pictures, by vision models of transformers."""
