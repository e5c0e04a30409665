"""The command line. Its options, output and exit statuses are a contract with scripts."""
