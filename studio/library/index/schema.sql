-- The library's database, version 1. Assets can be rebuilt from the files in the folder. Times are
-- ISO 8601 with UTC offset, or Unix seconds if they are sorted by.

CREATE TABLE jobs (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    task TEXT NOT NULL,
    model TEXT NOT NULL,
    request TEXT NOT NULL,
    count INTEGER NOT NULL CHECK (count >= 1),
    status TEXT NOT NULL
        CHECK (status IN ('queued', 'running', 'done', 'failed', 'cancelled', 'interrupted')),
    priority INTEGER NOT NULL DEFAULT 0,
    position REAL NOT NULL,
    overtaken INTEGER NOT NULL DEFAULT 0,
    batch TEXT NOT NULL DEFAULT '',
    labels TEXT NOT NULL DEFAULT '{}',
    output TEXT NOT NULL DEFAULT '',
    created TEXT NOT NULL,
    started TEXT,
    finished TEXT,
    problem TEXT,
    retried_from TEXT REFERENCES jobs (id) ON DELETE SET NULL,
    owner TEXT NOT NULL DEFAULT ''
);
CREATE INDEX jobs_by_turn ON jobs (status, priority DESC, position);
CREATE INDEX jobs_by_batch ON jobs (batch) WHERE batch != '';

-- `number` is the creation time in microseconds since 1970, incremented if it is taken, so that
-- descending keys are newest first in the table and in the full-text index.
CREATE TABLE assets (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    job TEXT NOT NULL,
    row INTEGER NOT NULL,
    task TEXT NOT NULL,
    model TEXT NOT NULL,
    seed INTEGER NOT NULL,
    path TEXT NOT NULL UNIQUE,
    size INTEGER NOT NULL,
    sha256 TEXT NOT NULL DEFAULT '',
    width INTEGER,
    height INTEGER,
    created TEXT NOT NULL,
    prompt TEXT NOT NULL,
    starred INTEGER NOT NULL DEFAULT 0,
    trashed_at REAL
);
CREATE INDEX assets_by_task ON assets (task) WHERE trashed_at IS NULL;
CREATE INDEX assets_by_model ON assets (model) WHERE trashed_at IS NULL;
CREATE INDEX assets_by_star ON assets (starred) WHERE starred = 1;
CREATE INDEX assets_in_trash ON assets (trashed_at) WHERE trashed_at IS NOT NULL;
CREATE INDEX assets_by_job ON assets (job, row);
CREATE INDEX assets_by_sha256 ON assets (sha256) WHERE sha256 != '';

-- The large columns of an asset, in a separate table so that searches do not read them.
CREATE TABLE contents (
    number INTEGER PRIMARY KEY REFERENCES assets (number) ON DELETE CASCADE,
    recipe TEXT NOT NULL,
    text TEXT NOT NULL
);

-- The outcome of each row of a job. A row whose asset is deleted later remains done.
CREATE TABLE job_rows (
    job TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    row INTEGER NOT NULL,
    asset TEXT REFERENCES assets (id) ON DELETE SET NULL ON UPDATE CASCADE,
    problem TEXT,
    seconds REAL,
    PRIMARY KEY (job, row)
) WITHOUT ROWID;
CREATE INDEX job_rows_by_asset ON job_rows (asset) WHERE asset IS NOT NULL;

CREATE TABLE parents (
    asset TEXT NOT NULL REFERENCES assets (id) ON DELETE CASCADE ON UPDATE CASCADE,
    parent TEXT NOT NULL,
    PRIMARY KEY (asset, parent)
) WITHOUT ROWID;
CREATE INDEX parents_by_parent ON parents (parent);

CREATE TABLE tags (
    asset TEXT NOT NULL REFERENCES assets (id) ON DELETE CASCADE ON UPDATE CASCADE,
    tag TEXT NOT NULL COLLATE NOCASE,
    PRIMARY KEY (asset, tag)
) WITHOUT ROWID;
CREATE INDEX tags_by_tag ON tags (tag);

CREATE TABLE collections (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE COLLATE NOCASE
) WITHOUT ROWID;

CREATE TABLE collection_assets (
    collection TEXT NOT NULL REFERENCES collections (id) ON DELETE CASCADE,
    asset TEXT NOT NULL REFERENCES assets (id) ON DELETE CASCADE ON UPDATE CASCADE,
    position REAL NOT NULL,
    PRIMARY KEY (collection, asset)
) WITHOUT ROWID;

-- Key-value pairs, e.g. paused = 1.
CREATE TABLE state (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

-- rowid = assets.number. CJK characters are separated by spaces. `facts` holds the filter terms of
-- an asset, so that the index can evaluate filters (search.py).
CREATE VIRTUAL TABLE words USING fts5 (
    prompt, text, tags, name, labels, facts,
    tokenize = "unicode61 remove_diacritics 2", prefix = '2 3'
);
