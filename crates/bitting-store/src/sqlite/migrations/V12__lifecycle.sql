-- Whether a key renews itself, and when its present term began; NULL is when it was made.
ALTER TABLE api_key ADD COLUMN auto_renew    INTEGER NOT NULL DEFAULT 0;
ALTER TABLE api_key ADD COLUMN term_began_at INTEGER;

-- How many seconds a key that was rotated must be unused to end before its overlap is over; NULL is that it does not.
ALTER TABLE api_key ADD COLUMN end_when_unused_for INTEGER;

CREATE INDEX api_key_renewing ON api_key (api, expires_at, id)
    WHERE auto_renew <> 0 AND expires_at IS NOT NULL AND revoked_at IS NULL AND replaced_by IS NULL;
CREATE INDEX api_key_leaving ON api_key (api, created_at, id)
    WHERE end_when_unused_for IS NOT NULL AND revoked_at IS NULL AND replaced_by IS NOT NULL;

-- How far keys were looked through for what time does to them: of each API and each thing that is told, the last moment that was
-- looked at and the last key in it. `since` is when looking began; what was so before is not told.
CREATE TABLE sweep (
    api   TEXT    NOT NULL,
    stage TEXT    NOT NULL,
    since INTEGER NOT NULL,
    at    INTEGER NOT NULL,
    key   BLOB    NOT NULL,
    PRIMARY KEY (api, stage)
) STRICT, WITHOUT ROWID;

-- The last commit that was looked at for keys that a change has put where was looked before.
ALTER TABLE progress ADD COLUMN followed INTEGER;
