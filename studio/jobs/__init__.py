"""From a request to a finished job. No Qt, no torch."""
