-- From version 3 to 4: which jobs have changed since the queue's journal was written
-- (queue/journal.py). The triggers also record the changes of versions without a journal.

-- `job` is '' for the pause of the queue. `is_new` is 1 if the journal does not contain the job.
CREATE TABLE job_changes (
    job TEXT PRIMARY KEY,
    is_new INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TRIGGER job_added AFTER INSERT ON jobs BEGIN
    INSERT INTO job_changes (job, is_new) VALUES (new.id, 1)
    ON CONFLICT (job) DO UPDATE SET is_new = 1;
END;

CREATE TRIGGER job_changed
AFTER UPDATE OF status, priority, position, started ON jobs
WHEN old.status IS NOT new.status OR old.priority IS NOT new.priority
    OR old.position IS NOT new.position OR old.started IS NOT new.started
BEGIN
    INSERT INTO job_changes (job, is_new)
    VALUES (new.id, old.status NOT IN ('queued', 'running', 'interrupted'))
    ON CONFLICT (job) DO UPDATE SET is_new = max(is_new, excluded.is_new);
END;

CREATE TRIGGER job_removed AFTER DELETE ON jobs BEGIN
    INSERT OR IGNORE INTO job_changes (job, is_new) VALUES (old.id, 0);
END;

CREATE TRIGGER queue_paused AFTER INSERT ON state WHEN new.key = 'paused' BEGIN
    INSERT OR IGNORE INTO job_changes (job, is_new) VALUES ('', 0);
END;

CREATE TRIGGER queue_resumed AFTER UPDATE ON state WHEN new.key = 'paused' BEGIN
    INSERT OR IGNORE INTO job_changes (job, is_new) VALUES ('', 0);
END;
