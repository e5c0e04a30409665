"""The exit statuses that scripts rely on."""

DONE, SOME_FAILED, WRONG_CALL, INTERRUPTED = 0, 1, 2, 130
