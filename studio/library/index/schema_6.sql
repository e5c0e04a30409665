-- From version 5 to 6: what a person who reviewed an asset decided, by whom and when (ISO 8601).

CREATE TABLE reviews (
    asset TEXT PRIMARY KEY REFERENCES assets (id) ON DELETE CASCADE ON UPDATE CASCADE,
    state TEXT NOT NULL,
    reviewer TEXT NOT NULL,
    date TEXT NOT NULL,
    remark TEXT NOT NULL
) WITHOUT ROWID;

-- Results of forms that demand a review are found by it. `review_fact` is registered by
-- database.py.
UPDATE words SET facts = facts || ' ' || review_fact('needs_review')
WHERE rowid IN (
    SELECT number FROM assets JOIN labels ON labels.asset = assets.id
    WHERE labels.name = 'review' AND labels.value = 'required'
);
