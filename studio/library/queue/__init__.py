"""The job queue: validation and storage of requests, order and status of jobs."""
