"""The implementation of each kind of work in the child process. Imports nothing."""
