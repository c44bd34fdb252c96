-- What lists are filtered by. Ten million keys are listed as quickly as ten.
CREATE INDEX api_key_by_name        ON api_key (api, name COLLATE NOCASE, id);
CREATE INDEX api_key_by_prefix      ON api_key (api, prefix, id);
CREATE INDEX api_key_by_creator     ON api_key (api, created_by, id);
CREATE INDEX api_key_by_environment ON api_key (api, environment, id);
CREATE INDEX api_key_revoked        ON api_key (api, id) WHERE revoked_at IS NOT NULL;
CREATE INDEX api_key_disabled       ON api_key (api, id) WHERE enabled = 0;
CREATE INDEX api_key_ending         ON api_key (api, expires_at, id) WHERE expires_at IS NOT NULL;

-- The permissions of each key, as they were given, to find keys by.
CREATE TABLE key_permission (
    api        TEXT NOT NULL,
    permission TEXT NOT NULL,
    key        BLOB NOT NULL,
    PRIMARY KEY (api, permission, key)
) STRICT, WITHOUT ROWID;

INSERT INTO key_permission (api, permission, key)
    SELECT api_key.api, permission.value, api_key.id
    FROM api_key, json_each(api_key.rights, '$[1]') AS permission;

-- Where a change came from, and the ways in which the log is asked.
ALTER TABLE audit ADD COLUMN address TEXT;
CREATE INDEX audit_by_api     ON audit (api, sequence);
CREATE INDEX audit_by_actor   ON audit (api, actor, sequence);
CREATE INDEX audit_by_subject ON audit (api, subject, sequence);

-- Requests that must not change anything twice: what the first one did.
CREATE TABLE idempotency (
    scope       TEXT    NOT NULL,
    key         TEXT    NOT NULL,
    fingerprint BLOB    NOT NULL,
    at          INTEGER NOT NULL,
    outcome     TEXT    NOT NULL,
    PRIMARY KEY (scope, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX idempotency_by_time ON idempotency (at);
