"""The library llama.cpp, and the vocabularies in GGUF files that it reads."""
