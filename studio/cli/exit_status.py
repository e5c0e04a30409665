"""The exit statuses that scripts rely on."""

DONE, SOME_FAILED, USAGE_ERROR, INTERRUPTED = 0, 1, 2, 130
