"""From the files to the index after a crash or damage, and jobs that are tried again."""
