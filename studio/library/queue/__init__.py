"""The jobs: what a request becomes before it is stored, and whose turn it is."""
