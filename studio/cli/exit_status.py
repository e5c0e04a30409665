"""Exit statuses, a contract with scripts."""

DONE, SOME_FAILED, USAGE_ERROR, INTERRUPTED = 0, 1, 2, 130
