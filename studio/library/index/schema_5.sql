-- From version 4 to 5: checksums of assets (checksums.py), since SQLite has none. A version that
-- does not know them leaves NULL: an asset without a checksum.

ALTER TABLE contents ADD COLUMN checksum INTEGER;

CREATE TRIGGER asset_changed
AFTER UPDATE OF id, job, row, task, path, size, sha256, width, height, duration, medium, created,
    prompt ON assets
BEGIN
    UPDATE contents SET checksum = NULL WHERE number = new.number;
END;

CREATE TRIGGER content_changed AFTER UPDATE OF recipe, text ON contents BEGIN
    UPDATE contents SET checksum = NULL WHERE number = new.number;
END;
