-- Keys that somebody else issued.
ALTER TABLE api_key ADD COLUMN imported INTEGER NOT NULL DEFAULT 0;

-- The SHA-512 by which a key was imported. Until the key is seen, its digest is the first half of this; afterwards it stays,
-- so that the same file imported again is known again.
ALTER TABLE api_key ADD COLUMN foreign_hash BLOB;

CREATE UNIQUE INDEX api_key_by_foreign_hash ON api_key (foreign_hash) WHERE foreign_hash IS NOT NULL;
