"""The editor beside the conversation: a text that a person works on, with the help of a model."""
