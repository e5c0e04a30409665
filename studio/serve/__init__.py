"""A server for other programs on this machine, in the format of OpenAI's interface."""
