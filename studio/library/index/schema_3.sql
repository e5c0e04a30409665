-- From version 2 to 3: what a result is, whatever kind of work made it, and how long it lasts.

ALTER TABLE assets ADD COLUMN medium TEXT NOT NULL DEFAULT '';
ALTER TABLE assets ADD COLUMN duration REAL;

-- `medium_name` is database.py's, lent to this script.
UPDATE assets SET medium = medium_name(task, path);
