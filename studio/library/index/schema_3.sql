-- From version 2 to 3: the medium of a result, independent of its task, and its duration.

ALTER TABLE assets ADD COLUMN medium TEXT NOT NULL DEFAULT '';
ALTER TABLE assets ADD COLUMN duration REAL;

-- `medium_name` is registered by database.py.
UPDATE assets SET medium = medium_name(task, path);
