"""From a filled form to a job, and from its result to what is wrong with it."""
