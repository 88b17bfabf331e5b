-- Who may read the views for one organization and nothing else, on the embedded engine, which knows a single user of its
-- own. A password is 32 random bytes: a digest of it, salted, is not guessed. The newest row of a login holds.
CREATE TABLE IF NOT EXISTS analysts
(
    login String,
    tenant String,
    salt String,
    digest String,
    removed UInt8,
    changed_by String,
    changed_at DateTime64(6, 'UTC')
)
ENGINE = ReplacingMergeTree(changed_at)
ORDER BY login;
