"""One folder for each kind of work: what is special about its tab."""
