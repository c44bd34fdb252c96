-- Times are milliseconds since 1970 in UTC. Lists and objects are JSON text.

CREATE TABLE account (
    api        TEXT    NOT NULL,
    id         TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    enabled    INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    sequence   INTEGER NOT NULL,
    PRIMARY KEY (api, id)
) STRICT, WITHOUT ROWID;

-- Ids begin with the time, so that the newest keys stand together at the end.
CREATE TABLE api_key (
    id                BLOB    NOT NULL PRIMARY KEY,
    digest            BLOB    NOT NULL UNIQUE,
    api               TEXT    NOT NULL,
    account           TEXT    NOT NULL,
    environment       TEXT    NOT NULL,
    rights            TEXT    NOT NULL, -- [role, [permission, ...], [capability, ...]]
    allowed_addresses TEXT,
    enabled           INTEGER NOT NULL,
    expires_at        INTEGER,
    revoked_at        INTEGER,
    sequence          INTEGER NOT NULL,
    name              TEXT    NOT NULL,
    description       TEXT    NOT NULL,
    prefix            TEXT    NOT NULL,
    metadata          TEXT    NOT NULL,
    created_at        INTEGER NOT NULL,
    created_by        TEXT    NOT NULL,
    updated_at        INTEGER NOT NULL,
    replaced_by       BLOB,
    replaces          BLOB,
    FOREIGN KEY (api, account) REFERENCES account (api, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX api_key_by_api ON api_key (api, id);
CREATE INDEX api_key_by_account ON api_key (api, account, id);

-- One row for each commit: its number is the sequence of every row that the commit left.
CREATE TABLE audit (
    sequence   INTEGER NOT NULL PRIMARY KEY,
    at         INTEGER NOT NULL,
    api        TEXT    NOT NULL,
    actor      TEXT    NOT NULL,
    request_id TEXT    NOT NULL,
    action     TEXT    NOT NULL,
    subject    TEXT    NOT NULL,
    before     TEXT    NOT NULL,
    after      TEXT    NOT NULL
) STRICT;

-- The outbox: written with the change, delivered afterwards.
CREATE TABLE event (
    sequence INTEGER NOT NULL PRIMARY KEY,
    at       INTEGER NOT NULL,
    api      TEXT    NOT NULL,
    name     TEXT    NOT NULL,
    payload  TEXT    NOT NULL
) STRICT;

CREATE TABLE progress (
    only     INTEGER NOT NULL PRIMARY KEY CHECK (only = 1),
    sequence INTEGER NOT NULL, -- of the last commit
    time     INTEGER NOT NULL  -- the latest that was seen, which a restart must not begin before
) STRICT;

INSERT INTO progress (only, sequence, time) VALUES (1, 0, 0);
