"""Forms: what a person fills in, the prompt that is made of it, and what the result must keep."""
