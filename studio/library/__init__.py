"""The library of jobs, assets and their files. No Qt, no torch."""
