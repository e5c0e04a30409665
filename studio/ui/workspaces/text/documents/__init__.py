"""Documents chosen beside the prompt, from which the next answers are made."""
