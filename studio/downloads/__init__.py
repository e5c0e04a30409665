"""Downloads: files with resumption and verification, and a queue of models that survives a kill."""
