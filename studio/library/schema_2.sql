-- From version 1 to 2: labels to filter by, and collections as what they are in marks.jsonl: a
-- name on an asset. Nothing was ever kept in the tables that they replace.

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

-- Answers "all of them" without a look at the table, whose rows are as long as their prompts.
CREATE INDEX assets_kept ON assets (number) WHERE trashed_at IS NULL;

INSERT OR IGNORE INTO labels (asset, name, value)
    SELECT assets.id, label.key, label.value
    FROM contents JOIN assets USING (number), json_each(contents.recipe, '$.labels') AS label
    WHERE label.type = 'text';

-- `label_fact` is search.py's, lent to this script.
UPDATE words SET facts = facts || (
    SELECT ' ' || group_concat(label_fact(name, value), ' ')
    FROM labels JOIN assets ON assets.id = labels.asset WHERE assets.number = words.rowid
)
WHERE rowid IN (SELECT number FROM assets JOIN labels ON labels.asset = assets.id);

-- Forgetting a job asks which others name it; without this that is a look through all of them.
CREATE INDEX jobs_by_retried ON jobs (retried_from) WHERE retried_from IS NOT NULL;

UPDATE words SET facts = facts || ' trashed'
WHERE rowid IN (SELECT number FROM assets WHERE trashed_at IS NOT NULL);
