"""What the user owns: jobs, assets, and the files that are their truth. No Qt, no torch."""
