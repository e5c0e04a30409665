"""Recovery after crashes and damage; resuming and retrying jobs."""
