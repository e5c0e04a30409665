"""Forms in the Text tab: chosen, filled in, and their results checked."""
