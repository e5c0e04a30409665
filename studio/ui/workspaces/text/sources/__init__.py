"""The sources of an answer: links in it, a list below it, and the page of a passage."""
