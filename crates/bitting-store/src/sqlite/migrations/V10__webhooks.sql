-- Where events are sent. The secrets are kept as they are, since messages are signed with them.
CREATE TABLE webhook (
    id               BLOB    NOT NULL PRIMARY KEY,
    api              TEXT    NOT NULL,
    account          TEXT, -- NULL is the operators'
    url              TEXT    NOT NULL,
    description      TEXT    NOT NULL,
    events           TEXT    NOT NULL, -- a list of names; empty is all
    severity         TEXT,             -- the least
    enabled          INTEGER NOT NULL,
    disabled_because TEXT,
    created_at       INTEGER NOT NULL,
    created_by       TEXT    NOT NULL,
    updated_at       INTEGER NOT NULL,
    sequence         INTEGER NOT NULL,
    secrets          TEXT    NOT NULL,
    epoch            INTEGER NOT NULL, -- how often all that waits became due at once
    failing_since    INTEGER,
    last_taken_at    INTEGER,
    FOREIGN KEY (api, account) REFERENCES account (api, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX webhook_by_api     ON webhook (api, id);
CREATE INDEX webhook_by_account ON webhook (api, account, id);
CREATE INDEX webhook_by_change  ON webhook (sequence);

-- Endpoints that are gone and whose deliveries are still here.
CREATE TABLE webhook_gone (
    id BLOB NOT NULL PRIMARY KEY
) STRICT, WITHOUT ROWID;

-- Up to which event all deliveries stand here.
CREATE TABLE told (
    only  INTEGER NOT NULL PRIMARY KEY CHECK (only = 1),
    event INTEGER NOT NULL
) STRICT;

INSERT INTO told (only, event) VALUES (1, 0);

CREATE TABLE delivery (
    id          BLOB    NOT NULL PRIMARY KEY,
    webhook     BLOB    NOT NULL,
    message     TEXT    NOT NULL,
    kind        TEXT    NOT NULL,
    body        TEXT    NOT NULL,
    created_at  INTEGER NOT NULL,
    state       INTEGER NOT NULL, -- 0 waits, 1 was delivered, 2 has failed
    due_at      INTEGER NOT NULL,
    epoch       INTEGER NOT NULL, -- of the endpoint when it was last sent; of what was not it is -1
    tries       INTEGER NOT NULL, -- in this epoch
    urgent      INTEGER NOT NULL, -- whether it is sent although the endpoint may be switched off
    is_test     INTEGER NOT NULL,
    finished_at INTEGER,
    attempts    INTEGER NOT NULL,
    last_status INTEGER,
    last_error  TEXT
) STRICT;

CREATE INDEX delivery_by_webhook ON delivery (webhook, id);
CREATE INDEX delivery_by_state   ON delivery (webhook, state, id);
CREATE INDEX delivery_due        ON delivery (webhook, epoch, due_at) WHERE state = 0 AND is_test = 0;
CREATE INDEX delivery_urgent     ON delivery (created_at) WHERE urgent = 1;
CREATE INDEX delivery_waiting    ON delivery (created_at) WHERE state = 0;
CREATE INDEX delivery_finished   ON delivery (finished_at) WHERE finished_at IS NOT NULL;

CREATE TABLE delivery_attempt (
    delivery         BLOB    NOT NULL,
    number           INTEGER NOT NULL,
    at               INTEGER NOT NULL,
    duration_ms      INTEGER NOT NULL,
    sent             TEXT    NOT NULL, -- [[name, value], ...]
    status           INTEGER,
    answered         TEXT,             -- [[name, value], ...]
    body             TEXT,
    error            TEXT,
    PRIMARY KEY (delivery, number)
) STRICT, WITHOUT ROWID;
