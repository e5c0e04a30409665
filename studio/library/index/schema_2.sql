-- From version 1 to 2: labels for filters, and collections stored as in marks.jsonl, as names on
-- assets. The tables that they replace were never used.

DROP TABLE collection_assets;
DROP TABLE collections;

CREATE TABLE collected (
    asset TEXT NOT NULL REFERENCES assets (id) ON DELETE CASCADE ON UPDATE CASCADE,
    collection TEXT NOT NULL COLLATE NOCASE,
    PRIMARY KEY (asset, collection)
) WITHOUT ROWID;
CREATE INDEX collected_by_collection ON collected (collection);

CREATE TABLE labels (
    asset TEXT NOT NULL REFERENCES assets (id) ON DELETE CASCADE ON UPDATE CASCADE,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (asset, name)
) WITHOUT ROWID;
CREATE INDEX labels_by_name ON labels (name, value);

-- Lists all assets without reading the table, whose rows contain long prompts.
CREATE INDEX assets_kept ON assets (number) WHERE trashed_at IS NULL;

INSERT OR IGNORE INTO labels (asset, name, value)
    SELECT assets.id, label.key, label.value
    FROM contents JOIN assets USING (number), json_each(contents.recipe, '$.labels') AS label
    WHERE label.type = 'text';

-- `label_fact` is registered by database.py.
UPDATE words SET facts = facts || (
    SELECT ' ' || group_concat(label_fact(name, value), ' ')
    FROM labels JOIN assets ON assets.id = labels.asset WHERE assets.number = words.rowid
)
WHERE rowid IN (SELECT number FROM assets JOIN labels ON labels.asset = assets.id);

-- Deleting a job looks up the jobs that refer to it, which is a table scan without this index.
CREATE INDEX jobs_by_retried ON jobs (retried_from) WHERE retried_from IS NOT NULL;

UPDATE words SET facts = facts || ' trashed'
WHERE rowid IN (SELECT number FROM assets WHERE trashed_at IS NOT NULL);

-- An enlarged picture gets the prompt of its original ancestor. `spaced` is registered by
-- database.py.
CREATE TEMP TABLE called AS
    WITH RECURSIVE line (asset, ancestor, depth) AS (
        SELECT assets.id, parents.parent, 1
        FROM assets JOIN parents ON parents.asset = assets.id WHERE assets.task = 'upscale'
        UNION
        SELECT line.asset, parents.parent, line.depth + 1
        FROM line JOIN assets ON assets.id = line.ancestor AND assets.task = 'upscale'
        JOIN parents ON parents.asset = assets.id WHERE line.depth < 20
    )
    SELECT line.asset, assets.prompt, max(line.depth)
    FROM line JOIN assets ON assets.id = line.ancestor GROUP BY line.asset;
CREATE INDEX temp.called_by_asset ON called (asset);
UPDATE words SET prompt = prompt || ' ' || (
    SELECT spaced(called.prompt) FROM called JOIN assets ON assets.id = called.asset
    WHERE assets.number = words.rowid
)
WHERE rowid IN (SELECT number FROM assets JOIN called ON called.asset = assets.id);
UPDATE assets SET prompt = (SELECT called.prompt FROM called WHERE called.asset = assets.id)
WHERE id IN (SELECT asset FROM called);
DROP TABLE called;
