"""Local models: discovery, identification, installation, memory estimates. No Qt, no torch."""
